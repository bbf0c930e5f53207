from datetime import date
from pathlib import Path

import pytest

from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import Pipeline, PipelineFile
from batch_transform.scoring.testing import InMemoryObjects

SETTINGS = {
    "description": "Scores apples",
    "owner": "orchard",
    "schedule": {"at": "02:00", "timezone": "UTC"},
    "start_date": date(2013, 6, 1),
    "source": {"conn_id": "warehouse", "sql": "features.sql"},
    "record": {"format": "csv", "id": ["apple_id"], "features": ["weight", "colour"]},
    "model": {"name": "apples"},
    "transform": {"instance_type": "ml.m5.large", "strategy": "MultiRecord"},
    "predictions": {"sweetness": {"at": -1, "type": "double", "min": 0, "max": 1}},
    "target": {
        "conn_id": "warehouse",
        "table": "predictions.apples",
        "partition_column": "picked_on",
    },
}
JSON_LINES = {
    "record": {**SETTINGS["record"], "format": "jsonl"},
    "predictions": {"sweetness": {"at": "predictions[0][0]", "min": 0, "max": 1}},
}


def merged(base, changes):
    return {
        **base,
        **{
            key: merged(base[key], value)
            if isinstance(value, dict) and isinstance(base.get(key), dict)
            else value
            for key, value in changes.items()
        },
    }


@pytest.fixture
def make_pipeline():
    def make(**changes):
        return Pipeline(
            name="apples",
            folder=Path("apples"),
            settings=PipelineFile.model_validate(merged(SETTINGS, changes)),
            query="SELECT 1",
        )

    return make


@pytest.fixture
def make_jsonl_pipeline(make_pipeline):
    return lambda **changes: make_pipeline(**merged(JSON_LINES, changes))


@pytest.fixture
def make_file_pipeline():
    """Make a pipeline whose records are files."""

    def make(source, **changes):
        base = JSON_LINES if changes.get("record", {}).get("format") == "jsonl" else {}
        files = {"conn_id": "aws_default", **source}
        settings = merged({**merged(SETTINGS, base), "source": files}, changes)
        validated = PipelineFile.model_validate(settings)
        return Pipeline(
            name="apples",
            folder=Path("apples"),
            settings=validated,
            query=validated.source.selection,
        )

    return make


@pytest.fixture
def objects():
    return InMemoryObjects()


@pytest.fixture
def layout():
    return RunLayout.of(S3Uri.parse("s3://bucket/runs"), "apples", "2013-06-01", "attempt")


@pytest.fixture
def partition():
    return Partition(day=date(2013, 6, 1), timezone="UTC")
