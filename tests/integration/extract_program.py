"""An extract in a process of its own, to be killed: `… DSN ENDPOINT QUERY ATTEMPT_ROOT`.

It stalls for ever once it has passed on enough records for a part of a shard to be sent.
"""

import sys
import threading
from dataclasses import replace
from datetime import date
from pathlib import Path

import boto3
import psycopg2

from batch_transform.scoring.aws.objects import S3Objects
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import Pipeline, PipelineFile
from batch_transform.scoring.sources.postgres.copy_source import CopySource
from tests.unit.scoring.conftest import SETTINGS


class Stalling:
    """A source that stops in the middle."""

    def __init__(self, source):
        self._source = source

    def lines(self, partition, pipeline):
        lines = self._source.lines(partition, pipeline)
        return replace(lines, blocks=self._some(lines.blocks))

    def _some(self, blocks):
        passed = 0
        for block in blocks:
            yield block
            passed += len(block)
            if passed > 24_000_000:
                threading.Event().wait()


def main(dsn, endpoint, query, attempt_root):
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    pipeline = Pipeline(
        name="apples",
        folder=Path("apples"),
        settings=PipelineFile.model_validate(SETTINGS),
        query=query,
    )
    extract(
        pipeline,
        Partition(day=date(2013, 6, 1), timezone="UTC"),
        Stalling(CopySource(psycopg2.connect(dsn), query)),
        S3Objects(client),
        RunLayout(attempt_root=S3Uri.parse(attempt_root)),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
