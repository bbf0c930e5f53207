"""The extract's record of what it wrote, kept beside the shards as ``index.json``."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from batch_transform.scoring.frozen import Frozen
from batch_transform.scoring.kinds import Kind
from batch_transform.scoring.pipeline.fields import Name
from batch_transform.scoring.sources.slices import Slice


class Shard(Frozen):
    """One shard.

    Attributes:
        name: file name below the input prefix.
        records: number of lines.
        bytes: size of the stored object, after compression.
        sha256: hexadecimal digest of the stored object; it proves a copy, and names nothing, since
            compressors differ between processors.
        records_sha256: hexadecimal digest of the records before compression; names depend on it.
        first_id: id of the first record.
        last_id: id of the last record.
    """

    name: str
    records: Annotated[int, Field(gt=0)]
    bytes: Annotated[int, Field(gt=0)]
    sha256: str
    records_sha256: str
    first_id: tuple[str | int, ...]
    last_id: tuple[str | int, ...]


class Portion(Frozen):
    """Which part of a partition one of several transform jobs is sent.

    Attributes:
        job: number of the job, from 0.
        of_records: number of records of the whole partition.
    """

    job: int
    of_records: int


class ExtractIndex(Frozen):
    """What one extract wrote for one partition.

    Attributes:
        pipeline: name of the pipeline.
        partition: the partition's day.
        columns: the record's columns in order, ids first.
        types: their kinds; None where the source names none and had no value to show it.
        contract: digest of columns and types.
        query: SHA-256 of the query, or of the settings of files.
        records: number of records in all shards.
        quarantined: number of records that were too large, and are in no shard.
        part: the slice of the partition that was extracted; None where it was the whole.
        jobs: how many transform jobs the partition is sent to.
        portion: the one of them that is sent these shards; None where they are all there are.
        resubmits: digest of the load whose quarantined records these are; empty where they are the
            rows of the source.
        shards: the shards in order; none where the source had no rows.
    """

    pipeline: str
    partition: date
    columns: tuple[Name, ...]
    types: tuple[Kind | None, ...] = ()
    contract: str = ""
    query: str = ""
    records: int
    quarantined: int = 0
    part: Slice | None = None
    jobs: int = 1
    portion: Portion | None = None
    resubmits: str = ""
    shards: tuple[Shard, ...]

    @property
    def of_records(self) -> int:
        """Number of records of the whole partition."""
        return self.portion.of_records if self.portion else self.records

    @property
    def share(self) -> float:
        """Share of the partition's records that these are."""
        return self.records / self.of_records if self.of_records else 1.0

    def to_json(self) -> bytes:
        """Return the content of ``index.json``: the same index gives the same bytes."""
        return (self.model_dump_json(indent=1) + "\n").encode()
