"""An engine that unloads rows of Python's, for tests of what comes after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, NamedTuple

from typing_extensions import override

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.sources.unloaded.engine import (
    Engine,
    Question,
    Unloaded,
    UnloadedFile,
)


class _Begun(NamedTuple):
    """A statement, and what was there as it began."""

    question: Question
    into: S3Uri
    table: Any
    at: datetime


class InMemoryEngine(Engine):
    """Answers every query with an Arrow table, after some looks; it writes a file for each slice.

    Attributes:
        table: what a query finds that begins now.
        running: names of the statements that run, by their handles.
        stopped: handles of those that were stopped.
    """

    def __init__(
        self,
        objects: ObjectStore,
        table: Any,
        *,
        looks: int = 0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Unload a table to a store; each statement runs for so many looks."""
        self.table = table
        self._objects = objects
        self._looks = looks
        self._now = now
        self._left: dict[str, int] = {}
        self._begun: dict[str, _Begun] = {}
        self.running: dict[str, str] = {}
        self.stopped: list[str] = []

    @override
    def begin(self, question: Question, into: S3Uri, name: str) -> str:
        for handle in [each for each, known in self.running.items() if known == name]:
            self.stop(handle)
        handle = f"statement-{len(self._begun)}"
        self._begun[handle] = _Begun(question, into, self.table, self._now())
        self._left[handle] = self._looks
        self.running[handle] = name
        return handle

    @override
    def look(self, handle: str) -> Unloaded | None:
        if handle in self.stopped:
            raise SourceError(f"Statement {handle} was stopped by somebody")
        if self._left[handle]:
            self._left[handle] -= 1
            return None
        self.running.pop(handle, None)
        begun = self._begun[handle]
        return Unloaded(
            rows=begun.table.num_rows,
            files=tuple(self._files(begun)),
            statement=handle,
            read_at=begun.at,
        )

    @override
    def stop(self, handle: str) -> None:
        if self.running.pop(handle, None) is not None:
            self.stopped.append(handle)

    def _files(self, begun: _Begun) -> Sequence[UnloadedFile]:
        import pyarrow as pa
        from pyarrow import parquet

        question, table = begun.question, begun.table
        ids = table.column(question.pipeline.settings.record.id[0]).to_pylist()
        files = []
        for number in range(max(1, len(question.parts))):
            part = question.parts[number] if question.parts else None
            mine = table.filter(
                pa.array([part is None or part.has(each) for each in ids], pa.bool_())
            )
            if not mine.num_rows:
                continue
            body = BytesIO()
            parquet.write_table(mine, body)
            uri = begun.into / f"slice={number}" / "0.parquet"
            self._objects.put(uri, body.getvalue())
            files.append(
                UnloadedFile(
                    uri=str(uri), rows=mine.num_rows, bytes=len(body.getvalue()), slice=number
                )
            )
        return files
