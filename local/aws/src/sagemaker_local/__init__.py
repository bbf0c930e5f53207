"""SageMaker Batch Transform on your own machine, on top of moto's services."""

__version__ = "0.1.0"
