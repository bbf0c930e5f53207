"""What a ``pipeline.yaml`` may say, one module for each part of it."""

from include.scoring.spec.fields import Name
from include.scoring.spec.job import Limits, Model, Recover, Transform
from include.scoring.spec.pipeline import Pipeline, PipelineFile, Schedule
from include.scoring.spec.slices import Extract
from include.scoring.spec.source import (
    ENGINE_OUTPUT,
    SOURCE_TAGS,
    Files,
    Policies,
    Query,
    Record,
    Shards,
    Source,
)
from include.scoring.spec.target import Prediction, Target

__all__ = [
    "ENGINE_OUTPUT",
    "SOURCE_TAGS",
    "Extract",
    "Files",
    "Limits",
    "Model",
    "Name",
    "Pipeline",
    "PipelineFile",
    "Policies",
    "Prediction",
    "Query",
    "Record",
    "Recover",
    "Schedule",
    "Shards",
    "Source",
    "Target",
    "Transform",
]
