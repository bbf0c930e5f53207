"""Pipeline folders that cannot be read, as Airflow shows them: an import error.

Airflow marks every DAG of a file that has an import error as stale, running runs included, so this
error has a DAG file of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from airflow.sdk import DAG

from batch_transform.scoring.errors import PipelineInvalid


class InvalidPipelines(DAG):
    """Stands for the pipelines that cannot become DAGs.

    Airflow validates each DAG of a file and shows the error that this raises without a traceback,
    which an error on import would have.
    """

    def __init__(self, errors: Sequence[PipelineInvalid]) -> None:
        """Report these errors when Airflow validates the file's DAGs."""
        super().__init__(dag_id="batch_transform_invalid", schedule=None)
        self.errors = errors

    def validate(self) -> None:
        """Raise every problem of every invalid pipeline.

        Raises:
            ValueError: always.
        """
        raise ValueError("\n\n".join(str(error) for error in self.errors))
