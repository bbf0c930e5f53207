"""Goes on until every record is answered or given up, or a limit is hit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from batch_transform.scoring.errors import OutputError
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs import request
from batch_transform.scoring.jobs.look import Services
from batch_transform.scoring.jobs.service import STOPPED, STOPPING, Job
from batch_transform.scoring.names import RunLayout, content_digest, job_name
from batch_transform.scoring.outputs.coverage import Coverage
from batch_transform.scoring.recovery import decisions, limits
from batch_transform.scoring.recovery.assess import assess
from batch_transform.scoring.recovery.decisions import Round
from batch_transform.scoring.recovery.outcome import Sent
from batch_transform.scoring.recovery.pieces import (
    Extracted,
    layout_of,
    read_index,
    read_whole,
    write,
)
from batch_transform.scoring.recovery.search import Recovery, Search
from batch_transform.scoring.recovery.spans import spans_of
from batch_transform.scoring.recovery.suspects import Suspect

__all__ = ["Recovery", "RoundJob", "recover"]

_SMALL = 1_000  # objects of a job that only looks for a record to name


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


def recover(run: Recovery, services: Services, launch: Launch) -> Coverage | None:
    """Account for every record: answered, or given up with the reason.

    Args:
        run: what is to be recovered from.
        services: AWS.
        launch: starts a round's job, or attaches to it, and returns it once it is over, Completed
            or Failed; it may raise to be called again from the start, since every round comes out
            the same again.

    Returns:
        Where the answers lie; None where the job left nothing to recover.

    Raises:
        LimitHit: a limit of the pipeline ends it, or no record was answered; says what is known.
        JobFailed: the service fails whatever is sent, or twice in a row at the same records.
        Transient: AWS could not be asked, or a log may not be complete yet.
    """
    search = _begun(run, services)
    if not search.state.suspects:
        return None
    rounds = _Rounds(search=search, services=services, launch=launch)
    limit = None
    while search.state.suspects and limit is None:
        limits.check_service(search)
        limit = rounds.next()
    if search.is_over_limit and not run.loads_rest:
        limit = limits.bad_records(search)
    return rounds.concluded(limit)


def _begun(run: Recovery, services: Services) -> Search:
    # Whoever wrote what the job read may have packed it otherwise.
    index = read_index(services.objects, layout_of(run.job)) or run.index
    if _records_of(index) != _records_of(run.index):
        raise OutputError(
            f"Transform job {run.job.name} read other records than the extract has written since;"
            " clear the transform task"
        )
    spans = tuple(spans_of([shard.records for shard in index.shards]))
    sent = Sent(index=index, spans=spans, shards=run.shards)
    outcome = assess(run.pipeline, sent, run.job, services, run.now())
    state = decisions.begin(outcome.parts, outcome.blamed, run.allowed)
    search = Search(run=run, state=state, parts=dict(outcome.parts), jobs=[run.job])
    search.forgive(run.job)
    return search


@dataclass(frozen=True, kw_only=True)
class _Rounds:
    """Rounds of a search, one after the other."""

    search: Search
    services: Services
    launch: Launch

    @cached_property
    def extracted(self) -> Extracted:
        return self.search.run.extracted(self.services.objects)

    def next(self) -> str | None:
        """Send suspects again; where a limit forbids it, say which.

        A job that exists is paid already, whatever the limits are by now.
        """
        search = self.search
        if search.state.is_refused:
            return "each was refused by itself"
        chosen = _chosen(search)
        if not chosen:
            return limits.bad_records(search)
        sent = _planned(search, chosen)
        content = _content(search.run, sent)
        digest = content_digest([content, search.contents.count(content)])
        paid = self._paid(digest)
        if paid is None:
            limits.check_not_broken(search)
            limit = limits.not_to_pay(search, sent)
            if limit is not None:
                return limit
        self._run(sent, content, self._prepared(sent, digest, paid))
        return None

    def _paid(self, digest: str) -> Job | None:
        """Find the job of a digest; one that was stopped is to be paid again."""
        run = self.search.run
        name = job_name(run.pipeline.name, run.index.partition.isoformat(), digest)
        job = self.services.jobs.find(name)
        return None if job is None or job.status in (STOPPING, STOPPED) else job

    def _prepared(self, sent: Round, digest: str, paid: Job | None) -> RoundJob:
        """Write what is sent, but where this attempt has done so, or whoever paid the job."""
        run, objects = self.search.run, self.services.objects
        layout = RunLayout(attempt_root=run.root / f"round-{sent.number}-{digest[:12]}")
        index = read_whole(objects, layout)
        if index is None and paid is not None:
            index = read_whole(objects, layout_of(paid))
            layout = layout_of(paid) if index else layout
        if index is None:
            index = write(self.extracted, sent.spans, layout)
        reads = request.reading(_request(run, sent), layout.manifest)
        return RoundJob(
            number=sent.number, layout=layout, index=index, request=reads, digest=digest
        )

    def _run(self, sent: Round, content: str, prepared: RoundJob) -> None:
        run, job = self.search.run, self.launch(prepared)
        what = Sent(
            index=prepared.index, spans=sent.spans, shards=run.shards, controls=sent.controls
        )
        outcome = assess(run.pipeline, what, job, self.services, run.now())
        self.search.add(sent, job, outcome, content)

    def concluded(self, limit: str | None) -> Coverage:
        """Bring together what is answered, what is given up, and, after a limit, what is left.

        Raises:
            LimitHit: the rest is not to be loaded, or there is none, or records that are left may
                be good.
        """
        search, state = self.search, self.search.state
        limit = limits.forbids_load(search, limit)
        if limit:
            raise limits.ended(search, self.extracted, limit)
        given_up = dict(state.given_up)
        for suspect in state.suspects:
            given_up.update(dict.fromkeys(suspect.span.cut(suspect.span.records), suspect.blame))
        return Coverage(
            parts=tuple(part for _, part in sorted(search.parts.items())),
            quarantined=tuple(self.extracted.quarantined(given_up)),
            jobs=tuple(job.name for job in search.jobs[1:]),
            seconds=sum(job.seconds for job in search.jobs[1:]),
        )


def _chosen(search: Search) -> Sequence[Suspect]:
    """Choose the suspects to send: all, until it is certain that too many records are bad.

    Then those that may be good, where the rest is loaded; else the one that is found quickest, so
    that the error names a record.
    """
    suspects = search.state.suspects
    if not search.is_over_limit:
        return suspects
    if search.run.loads_rest:
        return [each for each in suspects if not each.is_proven]
    proven = [each for each in suspects if each.is_proven]
    is_named = search.state.given_up or any(each.span.records == 1 for each in proven)
    is_in_vain = search.state.rounds > 0 and not search.state.answered
    if is_named or is_in_vain or search.diagnoses >= search.run.limits.diagnose_jobs:
        return ()
    return [min(proven, key=lambda each: (each.span.records, each.span))]


def _planned(search: Search, chosen: Sequence[Suspect]) -> Round:
    state, bounds = search.state, search.run.limits
    if search.is_over_limit and not search.run.loads_rest:
        cuts_left = bounds.diagnose_jobs - search.diagnoses
        return decisions.next_round(state, chosen, cuts_left=cuts_left, most=_SMALL)
    return decisions.next_round(
        state,
        chosen,
        cuts_left=bounds.max_rounds - state.rounds - 1,  # the last round confirms
        least=decisions.pieces_to_prove(state, search.run.allowed),
    )


def _content(run: Recovery, sent: Round) -> str:
    """Digest what is sent, and to what."""
    return content_digest(
        {
            "recovers": run.job.name,
            "shards": _records_of(run.index),
            "spans": sent.spans,
            "request": request.deciding(_request(run, sent)),
        }
    )


def _records_of(index: ExtractIndex) -> list[str]:
    return [shard.records_sha256 for shard in index.shards]


def _request(run: Recovery, sent: Round) -> dict[str, Any]:
    """Build the request: the first job's, with what the round needs otherwise."""
    built = {**run.config, "ModelName": run.job.described["ModelName"]}
    if sent.record_by_record:
        built["BatchStrategy"] = "SingleRecord"
    if sent.one_at_a_time:
        built["MaxConcurrentTransforms"] = 1
    return request.fitted(built, 1 if sent.between_controls else len(sent.spans))
