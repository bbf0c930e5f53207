"""The pipeline that a person names."""

from __future__ import annotations

from pathlib import Path

from batch_transform.scoring.errors import ConfigurationError
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.pipelines import FILE_NAME, pipeline_folders, read_pipeline


def pipeline_named(name: str, root: Path) -> Pipeline:
    """Read a pipeline by its name below a folder, or by the path of its own.

    Raises:
        ConfigurationError: there is none; says which there are.
        PipelineInvalid: the folder is not a valid pipeline.
    """
    for folder in (root / name, Path(name)):
        if (folder / FILE_NAME).is_file():
            return read_pipeline(folder.resolve())
    names = ", ".join(folder.name for folder in pipeline_folders(root)) or "none"
    raise ConfigurationError(
        f"There is no pipeline {name!r}: neither {root / name} nor {name} has a {FILE_NAME}. Name"
        f" one of {root} ({names}), or another folder with --pipelines"
    )
