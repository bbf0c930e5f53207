"""Assesses what a job left: looks for its outputs, and reads them where they may be unfit."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import datetime

from batch_transform.scoring.errors import OutputError
from batch_transform.scoring.extract import manifest
from batch_transform.scoring.jobs.blame import Blame, Cause
from batch_transform.scoring.jobs.look import Services
from batch_transform.scoring.jobs.service import Job
from batch_transform.scoring.names import S3Uri, output_name
from batch_transform.scoring.outputs.coverage import Coverage, Part
from batch_transform.scoring.outputs.reconcile import Examined, columns_of, examine
from batch_transform.scoring.outputs.replies import Miscounted
from batch_transform.scoring.outputs.shape import shape_of
from batch_transform.scoring.outputs.staged import staging
from batch_transform.scoring.pipeline import Pipeline, PipelineFile
from batch_transform.scoring.records.quarantine import Quarantined
from batch_transform.scoring.recovery.judgement import judged
from batch_transform.scoring.recovery.outcome import Outcome, Sent
from batch_transform.scoring.recovery.spans import Span


def assess(pipeline: Pipeline, sent: Sent, job: Job, services: Services, now: datetime) -> Outcome:
    """Look for the outputs of a job that is over, and read its data-log for what has none.

    Raises:
        OutputError: what is wrong is not to be mended, by ``recover`` of the pipeline.
        Transient: AWS could not be asked, or the log may not be complete yet.
    """
    outputs = _by_name(services.objects.keys(job.output))
    inputs = _by_name(manifest.parse(services.objects.get(S3Uri.parse(job.manifest))))
    names = [shard.name for shard in sent.index.shards]
    missing = [name for name in names if output_name(name) not in outputs]
    blame = judged(job, missing, services, now)
    parts, blamed = {}, {}
    for shard, span in zip(sent.index.shards, sent.spans, strict=True):
        if shard.name in blame:
            blamed[span] = blame[shard.name]
        elif span not in sent.controls:
            parts[span] = Part(
                sent=shard,
                sent_at=str(inputs[shard.name]),
                answered_at=str(outputs[output_name(shard.name)]),
                shard=sent.shards[span.shard],
                first=span.first,
            )
    _check_counted(pipeline.settings, blamed)
    outcome = Outcome(parts=parts, blamed=blamed)
    return _looked_into(pipeline, outcome, sent, services) if _is_to_look(pipeline) else outcome


def _by_name(uris: Iterable[S3Uri]) -> Mapping[str, S3Uri]:
    return {uri.key.rsplit("/", 1)[-1]: uri for uri in uris}


def _check_counted(settings: PipelineFile, blamed: Mapping[Span, Blame]) -> None:
    counted = [each.message for each in blamed.values() if each.cause is Cause.COUNT]
    if counted and settings.recover.miscounted == "fail":
        raise OutputError(
            f"{len(counted)} shards have no output, since the container gave more or fewer answers"
            f" than records ({counted[0]}), and recover.miscounted is fail: use strategy"
            " SingleRecord, or mend the container"
        )


def _is_to_look(pipeline: Pipeline) -> bool:
    """Tell whether answers must be read to know what is to be sent again.

    Where SageMaker joins, it counts answers itself.
    """
    recover = pipeline.settings.recover
    counts = recover.miscounted == "resend" and not shape_of(pipeline.settings).joined
    return recover.unfit == "resend" or counts


def _looked_into(pipeline: Pipeline, outcome: Outcome, sent: Sent, services: Services) -> Outcome:
    with staging(columns_of(pipeline.settings, sent.index)) as staged:
        coverage = Coverage(parts=tuple(outcome.parts.values()))
        seen = examine(pipeline, coverage, services.objects, staged)
    parts, blamed = dict(outcome.parts), dict(outcome.blamed)
    for span, part in outcome.parts.items():
        wrong = seen.wrong.get(part.sent.name)
        if isinstance(wrong, Miscounted) and pipeline.settings.recover.miscounted == "resend":
            blamed[span] = Blame(cause=Cause.COUNT, message=str(wrong))
            del parts[span]
    if pipeline.settings.recover.unfit == "resend":
        _set_unfit_aside(seen, parts, blamed)
    return Outcome(parts=parts, blamed=blamed)


def _set_unfit_aside(seen: Examined, parts: dict[Span, Part], blamed: dict[Span, Blame]) -> None:
    by_shard: dict[str, list[Quarantined]] = {}
    for each in sorted(seen.unfit, key=lambda each: each.line):
        by_shard.setdefault(each.shard, []).append(each)
    lines = {shard: [each.line for each in unfit] for shard, unfit in by_shard.items()}
    for span, part in list(parts.items()):
        if part.shard not in lines:
            continue
        first, end = (
            bisect_left(lines[part.shard], line)
            for line in (span.first + 1, span.first + span.records + 1)
        )
        unfit = by_shard[part.shard][first:end]
        for each in unfit:
            record = Span(shard=span.shard, first=each.line - 1, records=1)
            blamed[record] = Blame(cause=Cause.UNFIT, message=each.reason)
        if len(unfit) == span.records == 1:
            del parts[span]
        elif unfit:
            elsewhere = tuple(each.line - span.first for each in unfit)
            parts[span] = part.model_copy(update={"elsewhere": elsewhere})
