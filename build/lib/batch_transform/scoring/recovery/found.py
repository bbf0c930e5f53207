"""What a job left of each span that it was sent: an answer, or the blame for there being none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from batch_transform.scoring.errors import OutputError
from batch_transform.scoring.extract import manifest
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs.blame import NOTHING_KNOWN, Blame, Cause, blames
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
from batch_transform.scoring.recovery.plan import Span


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What a job was sent.

    Attributes:
        index: the objects, in the form of an extract's index.
        spans: which records each holds, in the same order.
        shards: names of the extract's shards.
    """

    index: ExtractIndex
    spans: tuple[Span, ...]
    shards: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What became of it.

    Attributes:
        parts: answered spans.
        blamed: spans, or single records of an answered span, without a usable answer.
    """

    parts: Mapping[Span, Part]
    blamed: Mapping[Span, Blame]


def find(pipeline: Pipeline, sent: Sent, job: Job, services: Services) -> Found:
    """Look for the outputs of a job that is over, and read its data-log for what has none.

    Raises:
        OutputError: what is wrong is not to be mended, by ``recover`` of the pipeline.
        Transient: AWS could not be asked.
    """
    outputs = _by_name(services.objects.keys(job.output))
    inputs = _by_name(manifest.parse(services.objects.get(S3Uri.parse(job.manifest))))
    parts, missing = {}, {}
    for shard, span in zip(sent.index.shards, sent.spans, strict=True):
        output = outputs.get(output_name(shard.name))
        if output is None:
            missing[shard.name] = span
            continue
        parts[span] = Part(
            sent=shard,
            sent_at=str(inputs[shard.name]),
            answered_at=str(output),
            shard=sent.shards[span.shard],
            first=span.first,
        )
    blamed = _blamed(missing, job, services) if missing else {}
    _check_counted(pipeline.settings, blamed)
    found = Found(parts=parts, blamed=blamed)
    return _looked_into(pipeline, found, sent, services) if _is_to_look(pipeline) else found


def _by_name(uris: Iterator[S3Uri] | list[S3Uri]) -> Mapping[str, S3Uri]:
    return {uri.key.rsplit("/", 1)[-1]: uri for uri in uris}


def _blamed(missing: Mapping[str, Span], job: Job, services: Services) -> dict[Span, Blame]:
    found = blames(services.logs.data_log(job.name), missing)
    # A log that names none of them cannot tell those that a container's end took along.
    silent = NOTHING_KNOWN if found else replace(NOTHING_KNOWN, cause=Cause.RECORD)
    return {span: found.get(name, silent) for name, span in missing.items()}


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


def _looked_into(pipeline: Pipeline, found: Found, sent: Sent, services: Services) -> Found:
    with staging(columns_of(pipeline.settings, sent.index)) as staged:
        coverage = Coverage(parts=tuple(found.parts.values()))
        seen = examine(pipeline, coverage, services.objects, staged)
    parts, blamed = dict(found.parts), dict(found.blamed)
    for span, part in found.parts.items():
        wrong = seen.wrong.get(part.sent.name)
        if isinstance(wrong, Miscounted) and pipeline.settings.recover.miscounted == "resend":
            blamed[span] = Blame(cause=Cause.COUNT, message=str(wrong))
            del parts[span]
    if pipeline.settings.recover.unfit == "resend":
        _set_unfit_aside(seen, sent, parts, blamed)
    return Found(parts=parts, blamed=blamed)


def _set_unfit_aside(
    seen: Examined, sent: Sent, parts: dict[Span, Part], blamed: dict[Span, Blame]
) -> None:
    by_shard: dict[str, list[Quarantined]] = {}
    for each in seen.unfit:
        by_shard.setdefault(each.shard, []).append(each)
    for span, part in list(parts.items()):
        unfit = [
            each
            for each in by_shard.get(part.shard, [])
            if span.first < each.line <= span.first + span.records
        ]
        for each in unfit:
            record = Span(shard=span.shard, first=each.line - 1, records=1)
            blamed[record] = Blame(cause=Cause.UNFIT, message=each.reason)
        if len(unfit) == span.records == 1:
            del parts[span]
        elif unfit:
            lines = tuple(each.line - span.first for each in unfit)
            parts[span] = part.model_copy(update={"elsewhere": lines})
