"""Watches a statement that unloads from the triggerer, with boto3 in threads."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from batch_transform.open_engine import EnginePlace, open_engine
from batch_transform.scoring.errors import ScoringError, Transient
from batch_transform.scoring.jobs.pacing import pause, pause_after_failure
from batch_transform.scoring.sources.unloaded.engine import Engine

# A task that is re-queued before its deferral is reported counts as killed.
_SHORTEST_SECONDS = 10.0


class StatementTrigger(BaseTrigger):
    """Looks at a statement until it is over; it judges nothing, which the woken task does.

    A person who marks or clears the deferred task ends the statement: what it unloads is that
    attempt's alone.

    Attributes:
        open_engine: makes the engine of a place.
    """

    open_engine: Callable[..., Engine] = staticmethod(open_engine)

    def __init__(
        self, place: dict[str, Any], handle: str, poll_seconds: float, seconds_left: float
    ) -> None:
        """Watch a statement for at most so many seconds."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.place = place
        self.handle = handle
        self.poll_seconds = poll_seconds
        self.seconds_left = seconds_left

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow keeps in its database."""
        return f"{__name__}.{type(self).__name__}", {
            "place": self.place,
            "handle": self.handle,
            "poll_seconds": self.poll_seconds,
            "seconds_left": self.seconds_left,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: why the task should look for itself."""
        begun = time.monotonic()
        why = await self._until_over()
        await asyncio.sleep(max(0.0, begun + _SHORTEST_SECONDS - time.monotonic()))
        yield TriggerEvent({"why": why})  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Stop the statement of a task that a person has acted on."""
        await asyncio.to_thread(lambda: self._engine(hurried=True).stop(self.handle))
        self.log.info("Task was ended, and its statement with it")

    async def _until_over(self) -> str:
        begun, failures = time.monotonic(), 0
        while time.monotonic() - begun < self.seconds_left:
            try:
                if await asyncio.to_thread(lambda: self._engine().look(self.handle)) is not None:
                    return "the statement has finished"
                failures = 0
                seconds = pause(time.monotonic() - begun, self.poll_seconds, _chance())
            except Transient as error:
                failures += 1
                self.log.warning("Will look at the statement again: %s", error)
                seconds = pause_after_failure(failures, self.poll_seconds, _chance())
            except ScoringError as error:
                return f"the statement has failed: {error}"
            except Exception as error:
                self.log.exception("Cannot watch the statement")
                return f"the triggerer cannot watch the statement: {error}"
            await asyncio.sleep(seconds)
        return "the time is up"

    def _engine(self, *, hurried: bool = False) -> Engine:
        return type(self).open_engine(EnginePlace(**self.place), hurried=hurried)


def _chance() -> float:
    return random.random()  # noqa: S311  # spreads looks in time; no secret
