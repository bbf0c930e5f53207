"""What a failure says of the records that failed, and what it says of the service instead.

| cause            | held against the records                                                 |
|------------------|--------------------------------------------------------------------------|
| RECORD, UNFIT    | at once                                                                  |
| COUNT, SIZE      | where the record was alone in its request                                |
| SERVER, TIMEOUT, | where a control was answered in the same job; only two such failures     |
| OTHER            | prove anything                                                           |
| SILENCE          | the same, where requests went one at a time and the log names every one  |
| UNKNOWN          | the same, and only where one instance had it between two controls        |
| BYSTANDER,       | never                                                                    |
| SERVICE          |                                                                          |

A control is a record that was answered before. Where it fails as well, nothing in that job is held
against any record: the service was at fault. So no fault of the service that has one beginning and
one end is held twice against a record: in the later job it would meet the control first, since an
instance takes objects in the order of the manifest.
"""

from __future__ import annotations

from dataclasses import dataclass

from batch_transform.scoring.jobs.blame import (
    NEVER_OF_RECORDS,
    NOT_OF_RECORDS_ALONE,
    NOTHING_KNOWN,
    OF_REQUESTS,
    Blame,
    Cause,
)
from batch_transform.scoring.recovery.spans import Span

# How often a record must fail by itself, in different jobs, before it is given up.
_ALONE = 2


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A span that was sent, and has no output.

    Attributes:
        span: the records.
        blame: why.
        held: how often this span failed in a way that is held against its records.
        named: how often it, or what it was cut from, failed for a reason that the log names.
        silent: how often this span failed without a word in the log.
        broken: how often in a row the service was at fault.
        cuts: how often its records have been cut from a longer span.
        bad: how many of its records are expected to be bad, if any is.
    """

    span: Span
    blame: Blame
    held: int = 0
    named: int = 0
    silent: int = 0
    broken: int = 0
    cuts: int = 0
    bad: float = 1.0

    @property
    def is_proven(self) -> bool:
        """Whether at least one of the records is bad."""
        enough = 2 if self.blame.cause in NOT_OF_RECORDS_ALONE | NEVER_OF_RECORDS else 1
        return self.held >= enough

    @property
    def is_given_up(self) -> bool:
        """Whether it is a single record that failed by itself as often as need be."""
        return self.span.records == 1 and self.held >= _ALONE

    @property
    def is_repeated(self) -> bool:
        """Whether it failed in the same manner before."""
        return max(self.named, self.silent, self.broken) > 1

    def is_to_cut(self, some_answered: bool) -> bool:
        """Tell whether to look for what is bad in parts of it; else it is sent again whole."""
        cause = self.blame.cause
        if self.span.records == 1 or self.broken or cause in NEVER_OF_RECORDS:
            return False
        if cause is Cause.UNKNOWN:
            return self.silent > 1
        return cause is Cause.RECORD or self.named > 1 or (cause is Cause.SERVER and some_answered)


_NEW = Suspect(span=Span(shard=0, first=0, records=0), blame=NOTHING_KNOWN)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a job says of the service, beside what it says of the records.

    Attributes:
        service_failed: whether a record failed that was answered before.
        service_worked: whether all such records were answered again; where there were none, whether
            anything was answered.
        between_controls: whether one of them was the first object of a single instance, and one the
            last.
        all_named: whether the log names every object that failed.
        one_at_a_time: whether an instance had one request in flight.
        record_by_record: whether each request held one record.
    """

    service_failed: bool = False
    service_worked: bool
    between_controls: bool = False
    all_named: bool = False
    one_at_a_time: bool = False
    record_by_record: bool = False


def failed(before: Suspect | None, span: Span, blame: Blame, trial: Trial) -> Suspect:
    """Return the suspect that a span is after it has failed.

    Args:
        before: the suspect it was sent for; None where it was none: a shard in the first job, or
            a record whose answer is unfit among others.
        span: what was sent.
        blame: why it failed.
        trial: the job.
    """
    cause = blame.cause
    known = before or _NEW
    is_cut = before is not None and before.span != span
    is_broken = trial.service_failed or cause is Cause.SERVICE
    counts = not is_broken and cause is not Cause.BYSTANDER
    is_silent = cause is Cause.UNKNOWN
    by_itself = before is not None or cause is not Cause.UNFIT
    return Suspect(
        span=span,
        blame=blame,
        held=(0 if is_cut else known.held)
        + (counts and by_itself and _is_held(cause, span, trial)),
        named=known.named + (counts and not is_silent),
        silent=(0 if is_cut else known.silent) + (counts and is_silent),
        broken=0 if counts else known.broken + is_broken,
        cuts=known.cuts + is_cut,
        bad=known.bad,
    )


def _is_held(cause: Cause, span: Span, trial: Trial) -> bool:
    if cause in OF_REQUESTS:
        return span.records == 1 or trial.record_by_record
    if cause is Cause.SILENCE:
        return trial.service_worked and trial.one_at_a_time and trial.all_named
    if cause is Cause.UNKNOWN:
        return trial.service_worked and trial.between_controls
    return trial.service_worked or cause not in NOT_OF_RECORDS_ALONE
