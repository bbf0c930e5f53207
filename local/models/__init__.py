"""The demo's models: the container program that serves them, training, packing, registration."""
