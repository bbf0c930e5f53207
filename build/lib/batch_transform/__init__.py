"""Batch inference with SageMaker Batch Transform from Apache Airflow.

``batch_transform.dag`` makes DAGs of pipeline folders; ``batch_transform.scoring`` is the work
itself and never imports Airflow.
"""

__version__ = "0.1.0"
