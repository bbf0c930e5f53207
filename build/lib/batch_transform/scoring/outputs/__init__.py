"""Outputs of a transform job: read, matched with the records sent, and proven complete.

``shape`` says what the outputs look like, ``answers`` reads a line at a time and defines what is
right, ``fast`` reads the shards in which nothing is wrong, ``staged`` holds what was read, and
``reconcile`` brings them together.
"""
