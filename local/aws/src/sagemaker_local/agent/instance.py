"""One instance of a job from start to end."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sagemaker_local.agent import orphans
from sagemaker_local.agent.container import Container
from sagemaker_local.agent.errors import (
    ALGORITHM,
    CLIENT,
    INTERNAL,
    JobError,
    ObjectError,
    RecordError,
)
from sagemaker_local.agent.feed import Feed, ObjectRun, Output, Work, with_line_end
from sagemaker_local.agent.gunzip import gunzip, gunzip_if_it_is
from sagemaker_local.agent.injected import InjectedFaults
from sagemaker_local.agent.invoke import Invoker
from sagemaker_local.agent.pack import Packer, Packing
from sagemaker_local.agent.parameters import Parameters
from sagemaker_local.agent.processing import Processor
from sagemaker_local.agent.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sagemaker_local.agent.pack import Batch
    from sagemaker_local.agent.plan import InputObject, Plan
    from sagemaker_local.agent.replies import Reply
    from sagemaker_local.agent.reporter import Reporter

SEE_LOGS = "See job logs for more information"


class Instance:
    """Runs one plan.

    Args:
        plan: what to do.
        reporter: sends logs and progress to the service.
    """

    def __init__(self, plan: Plan, reporter: Reporter) -> None:
        self._plan = plan
        self._reporter = reporter
        self._storage = Storage(plan.endpoint_url, plan.folder)
        self._containers: list[Container] = []
        self._kinds: set[str] = set()
        self._ended = 0
        self._counting = threading.Lock()
        self._lost = threading.Event()
        self._faults = InjectedFaults(plan.faults, self._containers)
        self._packer: Packer | None = None
        self._processor: Processor | None = None
        self._bad_path: RecordError | None = None

    def run(self) -> str | None:
        """Transform all objects.

        Returns:
            The FailureReason, or None when every object has its output.
        """
        orphans.adopt()
        try:
            self._start_containers(Path(self._plan.folder))
            self._transform()
        except JobError as error:
            return error.reason
        finally:
            self.stop()
        return self._reason()

    def stop(self) -> None:
        """End the containers, all at once."""
        for container in self._containers:
            container.ask_to_end()
        grace = time.monotonic() + self._plan.switches["stop_grace_seconds"]
        for container in self._containers:
            container.end(grace)
        orphans.end()

    def _start_containers(self, folder: Path) -> None:
        for number, spec in enumerate(self._plan.containers):
            own = folder / f"container-{number}"
            own.mkdir()
            container = Container(spec, own, self._reporter, self._plan.switches)
            self._containers.append(container)
            container.start(self._storage)
        for container in self._containers:
            container.wait_until_ready(never="no-ping" in self._plan.faults)

    def _transform(self) -> None:
        parameters = Parameters.resolve(self._plan, self._containers[0].parameters())
        self._reporter.data_log(parameters.line)
        packing = Packing.of(
            self._plan, strategy=parameters.strategy, megabytes=parameters.max_payload_in_mb
        )
        self._prepare(packing)
        feed = Feed(self._plan.objects, self._open, self._store, self._report_failure)
        workers = [
            threading.Thread(target=self._work, args=(feed,), daemon=True)
            for _ in range(parameters.workers)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if any(container.flooded.is_set() for container in self._containers):
            raise JobError(self._containers[0].flood_reason)

    def _prepare(self, packing: Packing) -> None:
        if self._plan.processing.active:
            try:
                self._processor = Processor(self._plan)
            except RecordError as error:
                self._bad_path = error
        self._packer = Packer(packing=packing, processor=self._processor)

    def _open(self, item: InputObject) -> ObjectRun:
        return ObjectRun(item, self._batches(item), self._storage.new_file())

    def _batches(self, item: InputObject) -> Iterator[Batch]:
        if self._bad_path is not None:
            raise self._bad_path
        assert self._packer is not None  # noqa: S101 - see `_prepare`

        def open_object() -> Iterator[bytes]:
            chunks = self._storage.read(item.bucket, item.key)
            if self._plan.compression != "Gzip":
                return chunks
            plain = self._plan.switches["not_gzip"] == "plain"
            return gunzip_if_it_is(chunks) if plain else gunzip(chunks)

        yield from self._packer.batches(open_object)

    def _work(self, feed: Feed) -> None:
        invoker = Invoker(self._plan, self._containers, self._broken)
        with contextlib.closing(invoker):
            while not self._broken():
                work = feed.take()
                if work is None:
                    return
                self._do(invoker, work)
            self._abandon(feed)

    def _do(self, invoker: Invoker, work: Work) -> None:
        try:
            self._faults.before_request()
            output = self._output(work.batch, invoker.invoke(work.batch.body))
            if work.run.add(work.number, output):
                self._store(work.run)
        except ObjectError as error:
            self._fail(work.run, error)
        except Exception as error:
            self._fail(work.run, ObjectError(INTERNAL, f"{type(error).__name__}: {error}"))

    def _output(self, batch: Batch, reply: Reply) -> Output:
        if self._processor is not None and self._processor.reads_replies:
            return self._processor.output(batch.records, reply.read())
        if self._plan.assemble_with != "Line":
            return reply.file or reply.body
        always = self._plan.switches["line_after_reply"] == "always"
        return with_line_end(reply.file or reply.body, always=always)

    def _store(self, run: ObjectRun) -> None:
        try:
            self._storage.store(
                self._plan.output_bucket,
                run.item.output_key,
                run.output(),
                self._plan.output_kms_key,
            )
        except (ObjectError, OSError) as error:
            failure = error if isinstance(error, ObjectError) else ObjectError(INTERNAL, str(error))
            self._fail(run, failure)
            return
        self._reporter.send("stored", key=run.item.output_key)
        self._count()

    def _fail(self, run: ObjectRun, error: ObjectError) -> None:
        if run.fail(error):
            self._report_failure(run)

    def _report_failure(self, run: ObjectRun) -> None:
        assert run.error is not None  # noqa: S101 - it just failed
        run.drop()
        self._count()
        self._kinds.add(run.error.kind)
        self._reporter.data_log(*(f"{run.item.label}: {line}" for line in run.error.lines))

    def _count(self) -> None:
        with self._counting:
            self._ended += 1

    def _broken(self) -> bool:
        """Whether a container ended or flooded its log, so that no request can succeed any more."""
        if not self._lost.is_set() and any(c.dead or c.flooded.is_set() for c in self._containers):
            self._lost.set()
        return self._lost.is_set()

    def _abandon(self, feed: Feed) -> None:
        """Fail what is left, without sending it."""
        while (work := feed.take()) is not None:
            self._fail(work.run, ObjectError(ALGORITHM, "Unable to get response from algorithm"))

    def _reason(self) -> str | None:
        if INTERNAL in self._kinds or self._ended != len(self._plan.objects):
            return f"{INTERNAL}: We encountered an internal error.  Please try again."
        for kind in (ALGORITHM, CLIENT):
            if kind in self._kinds:
                return f"{kind}: {SEE_LOGS}"
        return None
