"""Settings of the stack's Airflow; they lie in the folder ``config`` of its home.

https://airflow.apache.org/docs/apache-airflow/stable/howto/set-config.html#configuring-local-settings
"""

from batch_transform.preload import preload

preload()
