"""Names that go to AWS, made and parsed in this one place."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

JOB_NAME_LIMIT = 63
_DIGEST_LENGTH = 12
_LONGEST_STATEMENT = 500  # characters of a statement's name
_STATEMENT_IDS = 3
CONTROL = r"\x00-\x1f\x7f\x85\u2028\u2029"  # line breaks among them: SageMaker's URIs have none
_S3_URI = re.compile(rf"s3://([a-z0-9][a-z0-9.\-]{{1,61}}[a-z0-9])(?:/([^{CONTROL}]*))?")
_OF_A_JOB = r"(?:jobs/\d+/)?(?:recover/.+/)?"
# What an attempt leaves that takes room, by kind, below its prefix; the rest is its small records.
_BULK = (
    ("outputs", re.compile(rf"{_OF_A_JOB}output/.+|rows/.+")),
    ("inputs", re.compile(rf"{_OF_A_JOB}input/(?!index\.json$).+|unload/.+")),
    ("quarantine", re.compile(r"quarantine/.+")),
)
BULK_KINDS = tuple(kind for kind, _ in _BULK)


@dataclass(frozen=True)
class S3Uri:
    """A bucket and a key (or a key prefix without its final slash).

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """

    bucket: str
    key: str = ""

    @classmethod
    def parse(cls, text: str) -> S3Uri:
        """Split ``s3://bucket/key``; a final slash is dropped.

        Raises:
            ValueError: the text is not an S3 URI.
        """
        match = _S3_URI.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not an S3 URI like s3://bucket/key: {_why_not(text)}")
        return cls(match[1], (match[2] or "").rstrip("/"))

    def __truediv__(self, part: str) -> S3Uri:
        return S3Uri(self.bucket, f"{self.key}/{part}" if self.key else part)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def _why_not(text: str) -> str:
    if not text.startswith("s3://"):
        return "it does not begin with s3://"
    bucket = text.removeprefix("s3://").partition("/")[0]
    if not 3 <= len(bucket) <= 63:
        return f"the name of a bucket has 3 to 63 characters, and {bucket!r} has {len(bucket)}"
    if control := re.search(rf"[{CONTROL}]", text):
        return (
            f"a key has no line breaks and no other control characters, and it has {control[0]!r}"
        )
    return (
        f"the name of a bucket has lower-case letters, digits, dots and hyphens, and a letter or"
        f" digit at both ends, unlike {bucket!r}"
    )


@dataclass(frozen=True, kw_only=True)
class RunLayout:
    """Where one attempt at one partition keeps its objects.

    Inputs and outputs never share a prefix: an S3Prefix of a later job could otherwise match them.
    """

    attempt_root: S3Uri

    @classmethod
    def of(cls, root: S3Uri, pipeline: str, partition: str, attempt: str) -> RunLayout:
        """Lay out ``<root>/<pipeline>/<partition>/<attempt>/``."""
        return cls(attempt_root=root / pipeline / partition / attempt)

    @classmethod
    def of_index(cls, index_uri: str) -> RunLayout:
        """Find the layout again from the URI of its index.

        Raises:
            ValueError: the URI does not end like an index of this layout.
        """
        root, found, rest = index_uri.rpartition("/input/index.json")
        if not found or rest:
            raise ValueError(f"{index_uri!r} is not the URI of an extract's index.json")
        return cls(attempt_root=S3Uri.parse(root))

    @classmethod
    def of_manifest(cls, uri: S3Uri) -> RunLayout:
        """Find the layout again from the manifest of a transform job."""
        return cls(attempt_root=S3Uri(uri.bucket, uri.key.rpartition("/")[0]))

    @classmethod
    def of_quarantine(cls, uri: S3Uri) -> RunLayout:
        """Find the layout again from an object of its quarantine."""
        return cls(attempt_root=S3Uri(uri.bucket, uri.key.rpartition("/quarantine/")[0]))

    def bulk_kind(self, uri: S3Uri) -> str | None:
        """Say what an object of the attempt is one of; None of the small ones that tell of it."""
        path = uri.key.removeprefix(f"{self.attempt_root.key}/")
        return next((kind for kind, shape in _BULK if shape.fullmatch(path)), None)

    def of_job(self, number: int) -> RunLayout:
        """Return where one of several jobs of the partition has its objects, numbered from 0."""
        return RunLayout(attempt_root=self.attempt_root / "jobs" / f"{number:02d}")

    def of_jobs(self, count: int) -> list[RunLayout]:
        """Return where each of so many jobs has its objects: one that is alone has them here."""
        return [self] if count == 1 else [self.of_job(number) for number in range(count)]

    @property
    def plan(self) -> S3Uri:
        """What was to be done."""
        return self.attempt_root / "plan.json"

    @property
    def loaded(self) -> S3Uri:
        """What the load did."""
        return self.attempt_root / "loaded.json"

    @property
    def rows(self) -> S3Uri:
        """Prefix of rows on their way into a warehouse that copies them from S3."""
        return self.attempt_root / "rows"

    @property
    def reports(self) -> S3Uri:
        """Prefix of the reports on the run."""
        return self.attempt_root / "report"

    @property
    def quarantine(self) -> S3Uri:
        """Prefix of the records that have no prediction."""
        return self.attempt_root / "quarantine"

    @property
    def partition_root(self) -> S3Uri:
        """Prefix of all attempts at the partition."""
        return S3Uri(self.attempt_root.bucket, self.attempt_root.key.rpartition("/")[0])

    @property
    def input(self) -> S3Uri:
        """Prefix of the shards."""
        return self.attempt_root / "input"

    @property
    def index(self) -> S3Uri:
        """The extract's record of what it wrote."""
        return self.input / "index.json"

    @property
    def snapshot(self) -> S3Uri:
        """When the source was read; apart from the index, which depends on the rows alone."""
        return self.attempt_root / "snapshot.json"

    @property
    def manifest(self) -> S3Uri:
        """The ManifestFile of the transform job."""
        return self.attempt_root / "manifest.json"

    @property
    def retired(self) -> S3Uri:
        """Lies there where no run is to attach any more to a job that reads the manifest."""
        return self.attempt_root / "retired.json"

    @property
    def unload(self) -> S3Uri:
        """Prefix of what an engine unloads."""
        return self.attempt_root / "unload"

    @property
    def unloaded(self) -> S3Uri:
        """The list of what an engine has unloaded."""
        return self.attempt_root / "unload.json"

    @property
    def output(self) -> S3Uri:
        """Prefix of the transform job's outputs."""
        return self.attempt_root / "output"


def shard_name(number: int, extension: str, job: int | None = None) -> str:
    """Name a shard: flat and of fixed width, so that names sort as shards do.

    Args:
        number: of the shard, from 0; in its job, where there are several.
        extension: of the file.
        job: number of its job, from 0; None where there is one for all shards.
    """
    of_job = "" if job is None else f"{job:02d}-"
    return f"part-{of_job}{number:05d}.{extension}"


def piece_name(shard: str, first: int, records: int) -> str:
    """Name some records of a shard that are sent again, from the ``first`` on, counted from 0."""
    stem, _, extension = shard.partition(".")
    return f"{stem}-{first:09d}-{records:09d}.{extension}"


def output_name(shard: str) -> str:
    """Name SageMaker gives to the output of an input object.

    https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
    """
    return f"{shard}.out"


def generation_name(generation: int) -> str:
    """Name the prefix below which the job of a generation writes, such as ``g1``."""
    return f"g{generation}"


def content_digest(content: Any) -> str:
    """Digest any JSON value: equal values give equal digests, on every machine."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def statements_of(deployment: str) -> str:
    """Return what the names of all statements of a deployment's tasks begin with."""
    return f"batch-transform/{content_digest(deployment)[:_DIGEST_LENGTH]}/"


def statement_name(deployment: str, *task: str) -> str:
    """Name a statement of a task's run: the same for each of its attempts, and for no other.

    Who finds it reads the task's ids from it, unless they are too long for a name.
    https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_BatchExecuteStatement.html

    Args:
        deployment: where the deployment keeps its objects.
        task: ids of the DAG, the task and the run.
    """
    start = statements_of(deployment)
    named = start + "/".join(quote(each, safe="") for each in task)
    return named if len(named) <= _LONGEST_STATEMENT else start + content_digest(list(task))


def task_of_statement(name: str, deployment: str) -> tuple[str, ...] | None:
    """Read a task's ids from the name of its statement; None where it has none."""
    ids = name.removeprefix(statements_of(deployment)).split("/")
    is_read = name.startswith(statements_of(deployment)) and len(ids) == _STATEMENT_IDS
    return tuple(map(unquote, ids)) if is_read else None


def job_name(pipeline: str, partition: str, digest: str, generation: int = 1) -> str:
    """Name a transform job ``<slug>-<partition>-<digest>[-gN]``.

    The name is the only idempotency key that CreateTransformJob has: at most 63 letters, digits
    and hyphens, unique in an account and region for ever.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html

    Args:
        pipeline: the pipeline's name; cut where the whole would be too long.
        partition: the partition's label, such as ``2013-06-01``.
        digest: hexadecimal digest of what the job does; its first 12 digits are used.
        generation: 1 for the first job of this digest, which has no suffix.
    """
    suffix = f"-g{generation}" if generation > 1 else ""
    tail = f"-{partition}-{digest[:_DIGEST_LENGTH]}{suffix}"
    return _slug(pipeline)[: JOB_NAME_LIMIT - len(tail)].rstrip("-") + tail


def job_name_start(pipeline: str) -> str:
    """Return what the names of all of a pipeline's jobs begin with."""
    longest = job_name("", "2013-06-01", "0" * _DIGEST_LENGTH, 99)
    slug, room = _slug(pipeline), JOB_NAME_LIMIT - len(longest)
    return f"{slug}-" if len(slug) <= room else slug[:room].rstrip("-")


def _slug(pipeline: str) -> str:
    return re.sub(r"[^a-zA-Z0-9]+", "-", pipeline).strip("-")


def model_name(group: str, version: str) -> str:
    """Name the SageMaker model of a package version ``arn:…:model-package/<group>/<number>``."""
    tail = f"-v{version.rsplit('/', 1)[-1]}"
    return group[: JOB_NAME_LIMIT - len(tail)].rstrip("-") + tail
