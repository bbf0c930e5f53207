"""The requests of all objects of an instance, and what becomes of their replies.

Several workers take requests from one `Feed`, so objects that are one request each are sent side
by side too. Replies are put back in order, per object, into a file that is stored when it is
whole.
"""

from __future__ import annotations

import os
import shutil
import threading
from typing import IO, TYPE_CHECKING, NamedTuple

from sagemaker_local.agent.errors import INTERNAL, ObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from sagemaker_local.agent.pack import Batch
    from sagemaker_local.agent.plan import InputObject

_HELD_BYTES = 32 << 20
"""Most bytes of replies that wait for an earlier one, per object."""
_HELD_REPLIES = 4096


Output = bytes | IO[bytes]
"""What is written for one request: bytes, or where there are many, a file at its start."""


def with_line_end(output: Output, *, always: bool) -> Output:
    r"""The output with a `\n` at its end: one more, or only where there is none."""
    if isinstance(output, bytes):
        return output if output.endswith(b"\n") and not always else output + b"\n"
    output.seek(-1, os.SEEK_END)
    if always or output.read() != b"\n":
        output.seek(0, os.SEEK_END)
        output.write(b"\n")
    output.seek(0)
    return output


def _bytes_held(output: Output) -> int:
    return len(output) if isinstance(output, bytes) else 0


class Work(NamedTuple):
    """One request to send."""

    run: ObjectRun
    number: int
    batch: Batch


class ObjectRun:
    """One object on its way: which replies came, and what they were.

    Args:
        item: the object.
        batches: its requests.
        path: a new file, for the output.
    """

    def __init__(self, item: InputObject, batches: Iterator[Batch], path: Path) -> None:
        self.item = item
        self.batches = batches
        self._path = path
        self._output = path.open("wb")
        self.error: ObjectError | None = None
        self._changed = threading.Condition()
        self._waiting: dict[int, Output] = {}
        self._held = 0
        self._written = 0
        self._total: int | None = None

    def add(self, number: int, output: Output) -> bool:
        """Put the output of one request in its place; True when the object is now whole."""
        with self._changed:
            self._waiting[number] = output
            self._held += _bytes_held(output)
            while (ready := self._waiting.pop(self._written, None)) is not None:
                self._held -= _bytes_held(ready)
                if self.error is None:
                    self._write(ready)
                self._written += 1
            self._changed.notify_all()
            return self._whole

    def end(self, total: int) -> bool:
        """There are `total` requests and no more; True when the object is now whole."""
        with self._changed:
            self._total = total
            return self._whole

    def fail(self, error: ObjectError) -> bool:
        """Remember the first error; True when this is it."""
        with self._changed:
            first = self.error is None
            if first:
                self.error = error
            self._changed.notify_all()
            return first

    def wait_for_room(self, number: int) -> None:
        """Wait while too many later replies are held back by an earlier one."""
        with self._changed:
            self._changed.wait_for(lambda: self.error is not None or self._has_room(number))

    def _write(self, output: Output) -> None:
        if isinstance(output, bytes):
            self._output.write(output)
            return
        with output:
            shutil.copyfileobj(output, self._output, 1 << 20)

    def output(self) -> Path:
        """The file with the whole output."""
        self._output.close()
        return self._path

    def drop(self) -> None:
        """Remove what was written."""
        with self._changed:
            self._output.close()
            self._path.unlink(missing_ok=True)

    @property
    def _whole(self) -> bool:
        return self.error is None and self._written == self._total

    def _has_room(self, number: int) -> bool:
        if number == self._written:
            return True
        return self._held < _HELD_BYTES and number - self._written < _HELD_REPLIES


class Feed:
    """Hands out requests, object after object.

    Args:
        objects: what to transform.
        open_run: gets one object ready.
        done: called with every object whose last reply came before its requests ended.
        failed: called once with every object that failed.
    """

    def __init__(
        self,
        objects: Iterable[InputObject],
        open_run: Callable[[InputObject], ObjectRun],
        done: Callable[[ObjectRun], None],
        failed: Callable[[ObjectRun], None],
    ) -> None:
        self._objects = iter(objects)
        self._open = open_run
        self._done = done
        self._failed = failed
        self._lock = threading.Lock()
        self._current: ObjectRun | None = None
        self._taken = 0

    def take(self) -> Work | None:
        """The next request; None when there are no more."""
        with self._lock:
            while True:
                run = self._current or self._next_object()
                if run is None:
                    return None
                run.wait_for_room(self._taken)
                batch = None if run.error else self._next_batch(run)
                if batch is not None:
                    self._taken += 1
                    return Work(run, self._taken - 1, batch)
                self._current = None
                if run.end(self._taken):
                    self._done(run)

    def _next_object(self) -> ObjectRun | None:
        item = next(self._objects, None)
        if item is not None:
            self._current = self._open(item)
            self._taken = 0
        return self._current

    def _next_batch(self, run: ObjectRun) -> Batch | None:
        try:
            return next(run.batches, None)
        except ObjectError as error:
            failure = error
        except Exception as error:
            failure = ObjectError(INTERNAL, f"{type(error).__name__}: {error}")
        if run.fail(failure):
            self._failed(run)
        return None
