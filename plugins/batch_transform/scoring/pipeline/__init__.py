"""A pipeline: what its ``pipeline.yaml`` and the files beside it may say.

One module for each section of the file, and one for what other text it names: a query, a pattern
of files, a path into a reply, a contract of columns.
"""

from batch_transform.scoring.pipeline.athena_place import AthenaPlace
from batch_transform.scoring.pipeline.fields import Name, Place
from batch_transform.scoring.pipeline.file import Pipeline, PipelineFile, Schedule
from batch_transform.scoring.pipeline.glue_place import GluePlace
from batch_transform.scoring.pipeline.iceberg_place import IcebergPlace
from batch_transform.scoring.pipeline.job import Limits, Model, Recover, Transform
from batch_transform.scoring.pipeline.notify import Notify
from batch_transform.scoring.pipeline.record import ENGINE_OUTPUT, Policies, Record, Shards
from batch_transform.scoring.pipeline.redshift_place import RedshiftPlace
from batch_transform.scoring.pipeline.snowflake_place import SnowflakePlace
from batch_transform.scoring.pipeline.source import (
    ENGINES,
    SOURCE_TAGS,
    EngineName,
    Extract,
    Files,
    Query,
    Source,
    engine_of,
)
from batch_transform.scoring.pipeline.target import Prediction, Target
from batch_transform.scoring.pipeline.workers import Workers

__all__ = [
    "ENGINES",
    "ENGINE_OUTPUT",
    "SOURCE_TAGS",
    "AthenaPlace",
    "EngineName",
    "Extract",
    "Files",
    "GluePlace",
    "IcebergPlace",
    "Limits",
    "Model",
    "Name",
    "Notify",
    "Pipeline",
    "PipelineFile",
    "Place",
    "Policies",
    "Prediction",
    "Query",
    "Record",
    "Recover",
    "RedshiftPlace",
    "Schedule",
    "Shards",
    "SnowflakePlace",
    "Source",
    "Target",
    "Transform",
    "Workers",
    "engine_of",
]
