"""A partition proven by several tasks at once, each of some shards, and then published by one.

What a task has proven it leaves as files of rows and an account; the accounts add up to that of the
whole. No row passes through one worker, unless the warehouse is one that takes rows from a worker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import OutputError
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.frozen import Frozen
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.coverage import Coverage, check_covers
from batch_transform.scoring.outputs.filed import RowFile
from batch_transform.scoring.outputs.reconcile import account_of, columns_of, prove
from batch_transform.scoring.outputs.staged import Staged, staging
from batch_transform.scoring.publish.load import Open, Ready, added_to, put, unchanged
from batch_transform.scoring.publish.load_run import LoadRun
from batch_transform.scoring.publish.loaded import Loaded
from batch_transform.scoring.publish.profile import Profile, profiles
from batch_transform.scoring.records.quarantine import Quarantined


class Proven(Frozen):
    """What a task has proven of one group of shards.

    Attributes:
        digest: of the load that the group is of.
        group: its number, from 0.
        groups: how many there are.
        parts: how many parts it has.
        rows: how many rows are ready.
        unfit: records without a fit prediction.
        files: of the rows.
        profiles: figures of each predicted column, as the ledger keeps them.
        only: of each column whose values are all the same: that value, as a text.
    """

    digest: str
    group: int
    groups: int
    parts: int
    rows: int
    unfit: tuple[Quarantined, ...]
    files: tuple[RowFile, ...]
    profiles: dict[str, dict[str, Any]]
    only: dict[str, str | None]

    def to_json(self) -> bytes:
        """Return the account as it is kept."""
        return (self.model_dump_json(indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, body: bytes) -> Proven:
        """Read it back."""
        return cls.model_validate_json(body)


def in_group(index: ExtractIndex, coverage: Coverage, group: int, groups: int) -> Coverage:
    """Return the parts of a group: those of neighbouring shards."""
    places = {shard.name: place for place, shard in enumerate(index.shards)}
    mine = [part for part in coverage.parts if places[part.shard] * groups // len(places) == group]
    return Coverage(parts=tuple(mine))


def prove_group(run: LoadRun, group: tuple[int, int], objects: ObjectStore, into: S3Uri) -> Proven:
    """Prove the outputs of a group of shards, and leave its rows below a prefix.

    Args:
        run: what is loaded.
        group: the group's number, from 0, and how many there are.
        objects: where outputs are, and rows go.
        into: the prefix.

    Raises:
        OutputError: the outputs do not account for every record.
    """
    check_covers(run.index, run.coverage)
    settings, (number, groups) = run.pipeline.settings, group
    coverage = in_group(run.index, run.coverage, number, groups)
    with staging(columns_of(settings, run.index)) as staged:
        unfit = prove(run.pipeline, coverage, objects, staged)
        measured = profiles(staged, settings.predictions)
        return Proven(
            digest=run.digest,
            group=number,
            groups=groups,
            parts=len(coverage.parts),
            rows=staged.count(),
            unfit=unfit,
            files=tuple(staged.filed(objects, into)),
            profiles={name: each.to_dict() for name, each in measured.items()},
            only=_only(staged, measured),
        )


def publish(
    run: LoadRun, proven: Sequence[Proven], objects: ObjectStore, open_warehouse: Open
) -> Loaded:
    """Replace the partition with the rows of all groups, as ``load`` does with those of one task.

    It is not compared with what it replaces.

    Raises:
        OutputError: the groups are not those of this run, or do not account for every record.
        PartitionBlocked: a check says no.
        TargetMismatch: the target is not as declared.
        Superseded: a newer extract is in force.
        TargetTaken: another pipeline loaded the partition.
    """
    _check_groups(run, proven)
    check_covers(run.index, run.coverage)
    before = added_to(run, open_warehouse)
    if before is not None and before.digest == run.digest:
        return unchanged(run, before)
    settings = run.pipeline.settings
    unfit = [each for one in proven for each in one.unfit]
    rows = sum(one.rows for one in proven)
    account = account_of(settings, run.index, run.coverage, unfit, rows)
    files = [file for one in proven for file in one.files]
    with staging(columns_of(settings, run.index)) as staged:
        ready = Ready(
            account=account, profiles=together(proven), rows=FiledRows(files, objects, staged)
        )
        return put(run, ready, before, objects, open_warehouse)


class FiledRows:
    """Rows in files in S3, brought to this worker only for a warehouse that has to have them."""

    def __init__(self, files: Sequence[RowFile], objects: ObjectStore, staged: Staged) -> None:
        """Use files in the columns of an empty stage, which takes them where that is asked."""
        self._files = files
        self._objects = objects
        self._staged = staged
        self.are_here = False

    def count(self) -> int:
        """Return how many rows there are."""
        return sum(file.rows for file in self._files)

    def here(self) -> Staged:
        """Return the rows on this worker's disk.

        Raises:
            OutputError: a file is not what was left.
        """
        if not self.are_here:
            for file in self._files:
                self._bring(file, self._staged.folder / "filed.parquet")
            self.are_here = True
        return self._staged

    def filed(self, objects: ObjectStore, prefix: S3Uri) -> Sequence[RowFile]:
        """Return the files, which lie where they were left."""
        return self._files

    def _bring(self, file: RowFile, path: Path) -> None:
        before = self._staged.count()
        path.write_bytes(self._objects.get(S3Uri.parse(file.uri)))
        self._staged.add("read_filed", [str(path)])
        path.unlink()
        brought = self._staged.count() - before
        if brought != file.rows:
            raise OutputError(
                f"{file.uri} has {brought} rows, and {file.rows} were proven; the target was not"
                " touched. Clear reconcile"
            )


def together(proven: Iterable[Proven]) -> dict[str, Profile]:
    """Return the figures of all groups' rows together; empty where there is no group."""
    joined: dict[str, Profile] = {}
    counts: dict[str, int] = {}
    values: dict[str, set[str]] = {}
    for one in proven:
        for name, content in one.profiles.items():
            profile = Profile.from_dict(content)
            count = one.rows - profile.nulls
            only = one.only.get(name)
            values.setdefault(name, set()).update(() if only is None else (only,))
            before = joined.get(name)
            joined[name] = before.joined(profile, (counts[name], count)) if before else profile
            counts[name] = counts.get(name, 0) + count
    return {name: _varying(profile, values[name]) for name, profile in joined.items()}


def _varying(profile: Profile, values: set[str]) -> Profile:
    return replace(profile, varies=profile.varies or len(values) > 1)


def _only(staged: Staged, measured: Mapping[str, Profile]) -> dict[str, str | None]:
    first = len(staged.columns) - len(measured)
    return {
        name: staged.run("least", column=f"s{first + number}")[0][0]
        for number, (name, profile) in enumerate(measured.items())
        if not profile.varies
    }


def _check_groups(run: LoadRun, proven: Sequence[Proven]) -> None:
    numbers = sorted(one.group for one in proven)
    parts = sum(one.parts for one in proven)
    is_whole = numbers == list(range(proven[0].groups if proven else 0))
    if not is_whole or parts != len(run.coverage.parts) or not proven:
        raise OutputError(
            f"Groups {numbers} have proven {parts} parts, and the outputs have"
            f" {len(run.coverage.parts)}; the target was not touched. Clear reconcile, all of it"
        )
    if {one.digest for one in proven} != {run.digest}:
        raise OutputError(
            "Groups were proven for other outputs or settings than these; the target was not"
            " touched. Clear reconcile, all of it"
        )
