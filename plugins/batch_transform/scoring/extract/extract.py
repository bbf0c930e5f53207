"""Streams a partition's source rows into shards in S3, and records what it wrote."""

from __future__ import annotations

import hashlib
from contextlib import closing
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.extract import snapshot
from batch_transform.scoring.extract.index import ExtractIndex, Shard
from batch_transform.scoring.extract.shards import cut, extension
from batch_transform.scoring.extract.write import write_shard
from batch_transform.scoring.kinds import RecordId
from batch_transform.scoring.names import RunLayout, shard_name
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import Pipeline, contract
from batch_transform.scoring.records.ids import identity_reader
from batch_transform.scoring.records.oversized import Oversized, set_aside
from batch_transform.scoring.sources.protocol import Lines, Source


def extract(
    pipeline: Pipeline,
    partition: Partition,
    source: Source,
    objects: ObjectStore,
    layout: RunLayout,
) -> ExtractIndex:
    """Write the partition's shards and, last of all, their index.

    An extract that dies leaves no index, so nothing later can take its shards for whole.

    Raises:
        SourceError: the source's columns are not the contract's, an id is NULL or comes twice, or a
            value cannot be written faithfully and no policy says what to write in its place.
    """
    settings = pipeline.settings
    taken_at = datetime.now(UTC)
    lines = source.lines(partition, pipeline)

    def read_id(line: bytes) -> RecordId:
        return identity_reader(settings.record, lines.final_columns())(line)

    oversized = Oversized(settings, read_id)
    pieces = cut(oversized.without(lines.blocks), settings.shards)
    with closing(lines.blocks), objects.uploads() as uploads:
        suffix = extension(settings.record)
        shards = []
        for number, members in groupby(pieces, key=attrgetter("shard")):
            name = shard_name(number, suffix)
            upload = uploads.open(layout.input / name)
            compression = settings.record.compression
            shards.append(write_shard(name, members, upload, compression, read_id))
    body = b"".join(oversized.kept)
    if body:
        objects.put(set_aside(layout, settings), body)
    index = _index(pipeline, partition, shards, lines, len(oversized.kept))
    snapshot.write(layout, objects, lines.read_at or taken_at)
    objects.put(layout.index, index.to_json())
    return index


def _index(
    pipeline: Pipeline,
    partition: Partition,
    shards: list[Shard],
    lines: Lines,
    quarantined: int,
) -> ExtractIndex:
    columns = lines.final_columns()
    return ExtractIndex(
        pipeline=pipeline.name,
        partition=partition.day,
        columns=tuple(column.name for column in columns),
        types=tuple(column.kind for column in columns),
        contract=contract.digest(columns),
        query=hashlib.sha256(pipeline.query.encode()).hexdigest(),
        records=sum(shard.records for shard in shards),
        quarantined=quarantined,
        part=lines.part,
        resubmits=lines.resubmits,
        shards=tuple(shards),
    )
