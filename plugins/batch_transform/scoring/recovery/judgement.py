"""Why objects of a job have no output, judged once.

The logs of a job say more later, and nothing once they have expired. Whoever judges first leaves
what he found beside what the job read, so that every attempt, and every later run that meets the
job, comes to the same rounds.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from batch_transform.scoring.aws.codes import of_reason
from batch_transform.scoring.aws.objects import ObjectChanged, ObjectStore
from batch_transform.scoring.errors import ObjectMissing, Transient
from batch_transform.scoring.frozen import damaged
from batch_transform.scoring.jobs.blame import NOTHING_KNOWN, Blame, Cause, blames
from batch_transform.scoring.jobs.logs import JobLogs
from batch_transform.scoring.jobs.look import Services
from batch_transform.scoring.jobs.service import Job
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.recovery.pieces import layout_of

# CloudWatch shows lines some seconds after they were written.
LOG_DELAY = timedelta(minutes=1)


def judged(
    job: Job, missing: Collection[str], services: Services, now: datetime
) -> Mapping[str, Blame]:
    """Say why objects have no output, as it was said first.

    Args:
        job: it is over.
        missing: the objects without an output, by base name.
        services: AWS.
        now: the time.

    Raises:
        Transient: the log may not be complete yet, or AWS could not be asked.
    """
    place = layout_of(job).attempt_root / "blame" / f"{job.name}.json"
    kept = _read(services.objects, place)
    if kept is None and not missing:
        return {}
    if kept is None:
        kept = _judge(job, missing, services.logs, now)
        kept = _keep(services.objects, place, kept)
    # An output that was there at first, and is gone, has no blame of its own.
    return {**dict.fromkeys(missing, NOTHING_KNOWN), **kept}


def _judge(job: Job, missing: Collection[str], logs: JobLogs, now: datetime) -> Mapping[str, Blame]:
    said = blames(logs.data_log(job.name), missing)
    ended = job.described.get("TransformEndTime")
    if len(said) < len(missing) and ended is not None and now < ended + LOG_DELAY:
        raise Transient(
            f"The data-log of {job.name} does not say yet why {len(missing) - len(said)} objects"
            " have no output"
        )
    silent = NOTHING_KNOWN
    if issubclass(of_reason(job.reason), Transient):
        silent = Blame(cause=Cause.SERVICE, message=job.reason)
    return {name: said.get(name, silent) for name in sorted(missing)}


def _keep(
    objects: ObjectStore, place: S3Uri, judgement: Mapping[str, Blame]
) -> Mapping[str, Blame]:
    """Keep a judgement, unless another attempt has kept one: that counts."""
    try:
        objects.put_if(place, _to_json(judgement), etag=None)
    except ObjectChanged:
        earlier = _read(objects, place)
        if earlier is None:
            raise Transient(f"Another attempt writes {place} at this moment") from None
        return earlier
    return judgement


def _read(objects: ObjectStore, place: S3Uri) -> Mapping[str, Blame] | None:
    try:
        return _from_json(objects.get(place))
    except ObjectMissing:
        return None


def _to_json(kept: Mapping[str, Blame]) -> bytes:
    entries = {name: [each.cause.name, each.status, each.message] for name, each in kept.items()}
    return json.dumps(entries, indent=0).encode()


def _from_json(body: bytes) -> Mapping[str, Blame]:
    try:
        return {
            name: Blame(cause=Cause[cause], status=status, message=message)
            for name, (cause, status, message) in json.loads(body).items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise damaged("judgement", repr(error)) from None
