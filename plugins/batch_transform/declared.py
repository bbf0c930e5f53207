"""The pipeline folders as Airflow sees them: valid ones run, the others are import errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from airflow.sdk import DAG

from batch_transform.scoring.errors import PipelineInvalid
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.pipelines import pipeline_folders, read_pipeline


def read_all(root: Path) -> tuple[list[Pipeline], list[PipelineInvalid]]:
    """Read every pipeline folder; an invalid one does not stop the others."""
    pipelines, invalid = [], []
    for folder in pipeline_folders(root):
        try:
            pipelines.append(read_pipeline(folder))
        except PipelineInvalid as error:
            invalid.append(error)
    return pipelines, invalid


class InvalidPipelines(DAG):
    """Stands for the pipelines that cannot become DAGs.

    Airflow validates each DAG of a file on its own and shows what that raises as an import error
    of the file, while it keeps the other DAGs: so the error is raised there, not on import.
    """

    def __init__(self, errors: Sequence[PipelineInvalid]) -> None:
        """Report these errors when Airflow validates the file's DAGs."""
        super().__init__(dag_id="invalid_pipelines", schedule=None)
        self.errors = errors

    def validate(self) -> None:
        """Raise every problem of every invalid pipeline.

        Raises:
            ExceptionGroup: never empty.
        """
        raise ValueError("\n\n".join(str(error) for error in self.errors))
