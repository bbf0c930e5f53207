"""What attempts at a partition have left in S3."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cached_property
from itertools import groupby

from batch_transform.scoring.aws.objects import ObjectStore, StoredObject
from batch_transform.scoring.extract import snapshot
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.names import RunLayout, S3Uri


class Stage(Enum):
    """How far an attempt has come."""

    UNREADABLE = "nothing can be loaded from it"  # a plan, a slice, or an extract that broke off
    OPEN = "a load may come from it"
    LOADED = "a load has come from it"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What one attempt has left.

    Attributes:
        layout: where.
        listed: its objects.
        stage: how far it has come.
        taken_at: when it read its source; None where it has not, or does not say.
        digest: of its load; empty where there is none, or it cannot be read.
        jobs: names of the transform jobs whose answers it has loaded, as far as it says.
    """

    layout: RunLayout
    listed: tuple[StoredObject, ...]
    stage: Stage
    taken_at: datetime | None = None
    digest: str = ""
    jobs: tuple[str, ...] = ()

    def holds(self, uri: S3Uri) -> bool:
        """Tell whether an object, or a prefix, is the attempt's."""
        root = self.layout.attempt_root
        return uri.bucket == root.bucket and f"{uri.key}/".startswith(f"{root.key}/")

    @cached_property
    def marks(self) -> Mapping[S3Uri, datetime]:
        """The marks of what is retired, and since when it is."""
        places = self._beside_manifests
        return {each.uri: each.modified for each in self.listed if each.uri in places}

    @cached_property
    def unmarked(self) -> list[S3Uri]:
        """Where a mark would go: beside each manifest, its own, and those of its recovery."""
        return sorted(self._beside_manifests - self.marks.keys(), key=str)

    @cached_property
    def _beside_manifests(self) -> frozenset[S3Uri]:
        beside = ((each.uri, RunLayout.of_manifest(each.uri)) for each in self.listed)
        return frozenset(layout.retired for uri, layout in beside if uri == layout.manifest)

    @cached_property
    def newest(self) -> datetime:
        """When the last of its objects was stored, but for what housekeeping itself puts there."""
        return max(each.modified for each in self.listed if each.uri not in self.marks)

    @cached_property
    def bulk(self) -> Mapping[str, Sequence[S3Uri]]:
        """What takes room, by kind."""
        found: dict[str, list[S3Uri]] = defaultdict(list)
        for stored in self.listed:
            kind = self.layout.bulk_kind(stored.uri)
            if kind is not None:
                found[kind].append(stored.uri)
        return found


def partitions(objects: ObjectStore, runs: S3Uri) -> Iterator[tuple[str, list[StoredObject]]]:
    """Yield label and objects of each partition below the prefix of a pipeline's runs."""
    start = S3Uri(runs.bucket, f"{runs.key}/")

    def label(stored: StoredObject) -> str:
        return stored.uri.key.removeprefix(start.key).partition("/")[0]

    for partition, listed in groupby(objects.listed(start), label):
        yield partition, list(listed)


def attempts(objects: ObjectStore, partition: S3Uri, listed: list[StoredObject]) -> list[Attempt]:
    """Read how far each attempt at a partition has come, of which these are all objects."""

    def root(stored: StoredObject) -> S3Uri:
        below = stored.uri.key.removeprefix(f"{partition.key}/")
        return partition / below.partition("/")[0]

    grouped = groupby(listed, root)
    return [_attempt(objects, RunLayout(attempt_root=at), tuple(each)) for at, each in grouped]


def _attempt(objects: ObjectStore, layout: RunLayout, listed: tuple[StoredObject, ...]) -> Attempt:
    names = {stored.uri for stored in listed}
    if layout.loaded in names:
        digest, jobs = _load(objects.get(layout.loaded))
        return Attempt(layout=layout, listed=listed, stage=Stage.LOADED, digest=digest, jobs=jobs)
    if layout.index not in names or _is_trial(layout, names):
        return Attempt(layout=layout, listed=listed, stage=Stage.UNREADABLE)
    if ExtractIndex.from_json(objects.get(layout.index)).part is not None:
        return Attempt(layout=layout, listed=listed, stage=Stage.UNREADABLE)
    taken_at = snapshot.read(layout, objects)
    return Attempt(layout=layout, listed=listed, stage=Stage.OPEN, taken_at=taken_at)


def _load(loaded: bytes) -> tuple[str, tuple[str, ...]]:
    """Read a load's digest and jobs from what its task left, which may be of another version."""
    try:
        told = json.loads(loaded)
        return str(told["entry"]["digest"]), tuple(map(str, told.get("jobs", ())))
    except (KeyError, TypeError, ValueError):
        return "", ()


def _is_trial(layout: RunLayout, names: set[S3Uri]) -> bool:
    """Tell whether the command ``tune`` has sent its sample from here."""
    trials = f"{(layout.attempt_root / 'tune').key}/"
    return any(uri.key.startswith(trials) for uri in names)
