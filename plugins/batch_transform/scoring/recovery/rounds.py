"""Goes on until every record is answered or given up, or a limit is hit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from batch_transform.scoring.errors import JobFailed, LimitHit
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs import request
from batch_transform.scoring.jobs.blame import Blame
from batch_transform.scoring.jobs.look import Services
from batch_transform.scoring.jobs.service import Job
from batch_transform.scoring.names import RunLayout, S3Uri, content_digest, job_name
from batch_transform.scoring.outputs.coverage import Coverage, Part
from batch_transform.scoring.pipeline import Pipeline
from batch_transform.scoring.records.quarantine import Quarantined
from batch_transform.scoring.recovery import plan
from batch_transform.scoring.recovery.found import Found, Sent, find
from batch_transform.scoring.recovery.pieces import Extracted, write
from batch_transform.scoring.recovery.plan import Round, Span, State

_NAMED = 10


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """What is to be recovered from.

    Attributes:
        pipeline: the pipeline.
        index: what its extract wrote.
        inputs: prefix of the extract's shards.
        job: the job that all shards were sent to; it is over.
        root: prefix for what is sent again; each attempt has its own.
        config: the pipeline's part of a request, with its templates filled in.
        since: from when the deadline counts, where a person has cleared the task; None: from the
            job's creation.
        now: tells the time.
    """

    pipeline: Pipeline
    index: ExtractIndex
    inputs: S3Uri
    job: Job
    root: S3Uri
    config: Mapping[str, Any]
    since: datetime | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def allowed(self) -> int:
        """How many records may be bad."""
        return self.pipeline.settings.limits.allowed(self.index.records)

    @property
    def ends(self) -> datetime:
        """When the jobs of the run have had their time."""
        return (self.since or self.job.created) + self.pipeline.settings.limits.deadline


@dataclass(frozen=True, kw_only=True)
class RoundJob:
    """A job that sends records again.

    Attributes:
        number: of the round, from 1.
        layout: where it reads, and where it would write.
        index: what it is sent, in the form of an extract's index.
        request: CreateTransformJob's request, but for name, tags and output.
        digest: of everything that decides what it gives.
    """

    number: int
    layout: RunLayout
    index: ExtractIndex
    request: Mapping[str, Any]
    digest: str


Launch = Callable[[RoundJob], Job]


@dataclass(kw_only=True)
class _Progress:
    """What the rounds so far have brought."""

    state: State
    parts: dict[Span, Part]
    jobs: list[Job]
    again: list[str] = field(default_factory=list)

    def add(self, sent: Round, job: Job, found: Found) -> None:
        self.state = plan.after(self.state, sent, found.blamed)
        self.parts.update(found.parts)
        self.jobs.append(job)
        self.again.append(job.name)


def recover(run: Recovery, services: Services, launch: Launch) -> Coverage | None:
    """Account for every record: answered, or given up with the reason.

    Args:
        run: what is to be recovered from.
        services: AWS.
        launch: comes by a round's job and returns it once it is over; it may raise to be called
            again from the start, since every round comes out the same again.

    Returns:
        Where the answers lie; None where the job left nothing to recover.

    Raises:
        LimitHit: a limit of the pipeline ends it; says what is known.
        JobFailed: the service fails whatever is sent.
        Transient: AWS could not be asked.
    """
    extracted = Extracted(
        record=run.pipeline.settings.record,
        index=run.index,
        inputs=run.inputs,
        objects=services.objects,
    )
    progress = _first(run, services)
    if not progress.state.suspects:
        return None
    for number in count(1):
        limit = _limit(run, progress, number)
        if limit or not progress.state.suspects:
            break
        sent = plan.next_round(progress.state, number, run.allowed)
        prepared = _prepared(run, extracted, sent)
        limit = _too_late(run, services, prepared)
        if limit:
            break
        job = launch(prepared)
        spans = Sent(index=prepared.index, spans=tuple(sent.spans), shards=_names(run))
        progress.add(sent, job, find(run.pipeline, spans, job, services))
    if limit and run.pipeline.settings.limits.on_limit == "fail":
        raise LimitHit(_told(run, progress, limit))
    return _coverage(extracted, progress, limit)


def _first(run: Recovery, services: Services) -> _Progress:
    spans = tuple(plan.spans_of([shard.records for shard in run.index.shards]))
    sent = Sent(index=run.index, spans=spans, shards=_names(run))
    found = find(run.pipeline, sent, run.job, services)
    state = plan.begin(found.parts.keys(), found.blamed)
    return _Progress(state=state, parts=dict(found.parts), jobs=[run.job])


def _names(run: Recovery) -> tuple[str, ...]:
    return tuple(shard.name for shard in run.index.shards)


def _prepared(run: Recovery, extracted: Extracted, sent: Round) -> RoundJob:
    layout = RunLayout(attempt_root=run.root / f"round-{sent.number}")
    index = write(extracted, sent.spans, layout)
    asked = _request(run, sent)
    digest = content_digest(
        {
            "recovers": run.job.name,
            "round": sent.number,
            "shards": [shard.records_sha256 for shard in index.shards],
            "request": asked,
        }
    )
    reads = request.reading(asked, layout.manifest)
    return RoundJob(number=sent.number, layout=layout, index=index, request=reads, digest=digest)


def _request(run: Recovery, sent: Round) -> dict[str, Any]:
    """Build the request: the first job's, with what the round needs otherwise."""
    asked = {**run.config, "ModelName": run.job.described["ModelName"]}
    if sent.record_by_record:
        asked["BatchStrategy"] = "SingleRecord"
    if sent.one_at_a_time:
        asked["MaxConcurrentTransforms"] = 1
    return request.fitted(asked, len(sent.spans))


def _limit(run: Recovery, progress: _Progress, number: int) -> str | None:
    """Say which limit is hit before a round; None where none is."""
    limits, state = run.pipeline.settings.limits, progress.state
    if state.is_hopeless(run.allowed):
        raise JobFailed(
            f"The service fails whatever is sent: {_shown(state.suspects[0].blame)}. See the log of"
            f" {progress.jobs[-1].name}; once it is mended, clear the transform task"
        )
    if state.certain > run.allowed:
        return (
            f"at least {state.certain} of {run.index.records} records are bad, and"
            f" limits.bad_records allows {run.allowed}"
        )
    if not state.suspects:
        return None
    if number > limits.max_rounds:
        return f"limits.max_rounds allows {limits.max_rounds} rounds"
    hours = _instance_seconds(progress.jobs) / 3600
    if limits.instance_hours is not None and hours >= limits.instance_hours:
        return f"{hours:.2f} instance hours are used; {limits.instance_hours:g} are allowed"
    return None


def _too_late(run: Recovery, services: Services, prepared: RoundJob) -> str | None:
    name = job_name(run.pipeline.name, run.index.partition.isoformat(), prepared.digest)
    if run.now() < run.ends or services.jobs.find(name) is not None:
        return None
    return f"limits.deadline was over at {run.ends:%Y-%m-%d %H:%M} UTC"


def _instance_seconds(jobs: Sequence[Job]) -> float:
    return sum(
        job.seconds * int(job.described["TransformResources"]["InstanceCount"]) for job in jobs
    )


def _coverage(extracted: Extracted, progress: _Progress, limit: str | None) -> Coverage:
    """Bring together what is answered, what is given up, and, after a limit, what is left."""
    given_up = dict(progress.state.given_up)
    if limit:
        for suspect in progress.state.suspects:
            given_up.update(dict.fromkeys(suspect.span.cut(suspect.span.records), suspect.blame))
    quarantined = tuple(
        _quarantined(extracted, span, line, given_up[span])
        for span, line in extracted.lines(given_up)
    )
    return Coverage(
        parts=tuple(part for _, part in sorted(progress.parts.items(), key=lambda item: item[0])),
        quarantined=quarantined,
        jobs=tuple(progress.again),
        seconds=sum(job.seconds for job in progress.jobs[1:]),
    )


def _quarantined(extracted: Extracted, span: Span, line: bytes, blame: Blame) -> Quarantined:
    record = line.removesuffix(b"\n")
    return Quarantined(
        id=tuple(str(part) for part in extracted.read_id(record)),
        shard=extracted.index.shards[span.shard].name,
        line=span.first + 1,
        status=blame.status,
        reason=blame.message,
        record=record.decode(),
    )


def _told(run: Recovery, progress: _Progress, limit: str) -> str:
    """Say what is known where the search ends."""
    names = _names(run)
    known = [
        f"{names[span.shard]}, line {span.first + 1}: {_shown(blame)}"
        for span, blame in progress.state.given_up.items()
    ] + [
        f"{names[each.span.shard]}, lines {each.span.first + 1} to"
        f" {each.span.first + each.span.records}: {_shown(each.blame)}"
        for each in progress.state.suspects
    ]
    more = f"\n  and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    return (
        f"Records have no prediction, and {limit}. Nothing was loaded; the outputs stay. After"
        f" {len(progress.again)} further jobs:\n  " + "\n  ".join(known[:_NAMED]) + more
    )


def _shown(blame: Blame) -> str:
    return f"{blame.cause.value}: {blame.status} {blame.message}".replace(":  ", ": ")
