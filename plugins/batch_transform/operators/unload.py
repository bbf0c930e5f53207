"""The task that lets the warehouse unload a partition, for the extract's tasks to read."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from batch_transform.connections import Aws, Connect, services
from batch_transform.failures import no_retry
from batch_transform.following.statement_trigger import StatementTrigger
from batch_transform.following.stopping import hurriedly
from batch_transform.links import REPORT_LINKS
from batch_transform.open_engine import EnginePlace, open_engine
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.errors import DeadlinePassed, ScoringError
from batch_transform.scoring.names import RunLayout, statement_name
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.sources.slices import slices
from batch_transform.scoring.sources.unloaded.engine import Engine, Question, Unloaded
from batch_transform.this_run import asked_of, partition_of, pipeline_of

# Quick statements end while the task still looks, and are spared a second start of a worker.
_AT_FIRST_SECONDS = 8.0
_LOOK_SECONDS = 1.0


class UnloadOperator(BaseOperator):
    """Has the engine unload the query's rows into files, a folder for each slice of the extract.

    Each attempt unloads below a prefix of its own, and stops what an attempt before it left
    running. What was unloaded is listed in ``unload.json``, written last of all.

    Returns, each also as an XCom of its own, ``{"unloaded": "s3://…/unload.json", "rows": 842}``;
    with the parameter ``resubmit`` nothing is unloaded, and ``unloaded`` is empty.
    """

    operator_extra_links = REPORT_LINKS
    ui_color = "#d7e9f7"
    open_engine: Callable[..., Engine] = staticmethod(open_engine)

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        deployment: Deployment,
        connect: Connect = Aws,
        **kwargs: Any,
    ) -> None:
        """Unload for a pipeline of this deployment."""
        super().__init__(multiple_outputs=True, **kwargs)
        self.pipeline = pipeline
        self.deployment = deployment
        self.connect = connect
        self.handle = ""

    @no_retry()
    def execute(self, context: Context) -> dict[str, Any]:
        """Begin, and wait."""
        asked = asked_of(context)
        if asked.dry_run:
            raise AirflowSkipException("The run was only to be planned")
        if asked.resubmit:
            return {"unloaded": "", "rows": 0}
        layout = self._layout(context)
        question = Question(
            pipeline=pipeline_of(context, self.pipeline, self.deployment),
            partition=partition_of(context, self.pipeline.settings),
            parts=slices(self.pipeline.settings.extract),
        )
        ti = context["ti"]
        name = statement_name(str(self.deployment.root), ti.dag_id, ti.task_id, ti.run_id)
        self.handle = self._engine().begin(question, layout.unload, name)
        self.log.info("Statement %s unloads to %s", self.handle, layout.unload)
        engine = self._place.engine
        self.log.info("%s was never asked itself, only a stand-in: see docs/%s.md", engine, engine)
        return self._follow(context, time.time(), at_first=_AT_FIRST_SECONDS)

    @no_retry()
    def execute_again(
        self, context: Context, event: dict[str, Any], handle: str, begun: float
    ) -> dict[str, Any]:
        """Look for ourselves at what the trigger has seen."""
        self.log.info("Woken: %s", event["why"])
        self.handle = handle
        return self._follow(context, begun)

    def on_kill(self) -> None:
        """Stop the statement."""
        if self.handle:
            hurriedly(self._stop)

    def _stop(self) -> None:
        with suppress(ScoringError):  # the next attempt stops it
            self._engine(hurried=True).stop(self.handle)

    def _follow(self, context: Context, begun: float, at_first: float = 0.0) -> dict[str, Any]:
        engine, until = self._engine(), time.monotonic() + at_first
        while (unloaded := engine.look(self.handle)) is None:
            if time.monotonic() < until:
                time.sleep(_LOOK_SECONDS)
                continue
            left = begun + self.pipeline.settings.limits.deadline.total_seconds() - time.time()
            if left <= 0:
                engine.stop(self.handle)
                raise DeadlinePassed(
                    f"The statement was not over within limits.deadline,"
                    f" {self.pipeline.settings.limits.deadline}, and was stopped"
                )
            self._wait(begun, left)
        return self._leave(context, unloaded)

    def _wait(self, begun: float, left: float) -> None:
        poll_seconds = self.deployment.poll_seconds
        if not self.deployment.deferrable:
            time.sleep(min(poll_seconds, left))
            return
        self.defer(
            trigger=StatementTrigger(self._place.as_json(), self.handle, poll_seconds, left),
            method_name="execute_again",
            kwargs={"handle": self.handle, "begun": begun},
        )

    def _leave(self, context: Context, unloaded: Unloaded) -> dict[str, Any]:
        layout = self._layout(context)
        services(self).objects.put(layout.unloaded, unloaded.to_json())
        self.log.info("Unloaded %d rows into %d files", unloaded.rows, len(unloaded.files))
        return {"unloaded": str(layout.unloaded), "rows": unloaded.rows}

    def _layout(self, context: Context) -> RunLayout:
        label = partition_of(context, self.pipeline.settings).label
        attempt = str(context["ti"].id)
        return RunLayout.of(self.deployment.root, self.pipeline.name, label, attempt)

    @property
    def _place(self) -> EnginePlace:
        place = EnginePlace.of(self.pipeline, self.deployment)
        if place is None:
            raise TypeError(f"nothing unloads for {self.pipeline.name}")
        return place

    def _engine(self, *, hurried: bool = False) -> Engine:
        return type(self).open_engine(self._place, hurried=hurried)
