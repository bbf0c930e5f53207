"""What the steps of a run leave, one factory each."""

import gzip
import hashlib
from datetime import UTC, date, datetime, timedelta

from batch_transform.scoring.extract.index import ExtractIndex, Shard
from batch_transform.scoring.jobs.service import COMPLETED, Job
from batch_transform.scoring.warehouse.ledger import Entry

DAY = date(2013, 6, 1)


def a_shard(name="part-00000.csv", body=b"1,6\n" * 10, **changes):
    """A shard with this content, which is packed where it is gzip; ``changes`` win."""
    plain = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    facts = {
        "name": name,
        "records": plain.count(b"\n"),
        "bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "records_sha256": hashlib.sha256(plain).hexdigest(),
        "first_id": (1,),
        "last_id": (1,),
    }
    return Shard(**{**facts, **changes})


def an_index(shards, **changes):
    """The index of an extract that left these shards; ``changes`` win."""
    shards = tuple(shards)
    facts = {
        "pipeline": "apples",
        "partition": DAY,
        "columns": ("apple_id",),
        "records": sum(shard.records for shard in shards),
        "shards": shards,
    }
    return ExtractIndex(**{**facts, **changes})


def a_job(name="apples-job", root="s3://bucket/run", **changes):
    """A job that has completed as SageMaker describes it; ``changes`` are to the description."""
    started = datetime(2013, 6, 2, tzinfo=UTC)
    described = {
        "TransformJobName": name,
        "TransformJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:transform-job/{name}",
        "TransformJobStatus": COMPLETED,
        "CreationTime": started,
        "TransformStartTime": started,
        "TransformEndTime": started + timedelta(minutes=1),
        "ModelName": "apples",
        "TransformInput": {"DataSource": {"S3DataSource": {"S3Uri": f"{root}/manifest.json"}}},
        "TransformOutput": {"S3OutputPath": f"{root}/output"},
        "TransformResources": {"InstanceType": "ml.c5.large", "InstanceCount": 2},
    }
    return Job.of({**described, **changes}, started + timedelta(hours=1))


def an_entry(partition=DAY, **changes):
    """The ledger's entry of a load of ten rows; ``changes`` win."""
    facts = {
        "pipeline": "apples",
        "partition": partition,
        "digest": "abc",
        "run_id": "nightly",
        "job_name": "apples-job",
        "model": "apples",
        "source_rows": 10,
        "oversized": 0,
        "records": 10,
        "quarantined": 0,
        "rows": 10,
        "loaded_at": datetime(2013, 6, 2, 3, tzinfo=UTC),
        "transform_jobs": 1,
        "instance_type": "ml.c5.large",
        "instance_count": 2,
        "transform_seconds": 60.0,
        "profile": {},
    }
    return Entry(**{**facts, **changes})
