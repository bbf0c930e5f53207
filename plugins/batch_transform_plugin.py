"""Shows Airflow the plugin of the package beside this file."""

from batch_transform.plugin import BatchTransformPlugin

__all__ = ["BatchTransformPlugin"]
