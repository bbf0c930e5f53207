"""What ends a search before every record is answered or given up, and what the error says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from batch_transform.scoring.errors import JobFailed, LimitHit
from batch_transform.scoring.records.quarantine import shown
from batch_transform.scoring.recovery.cuts import MOST_PIECES
from batch_transform.scoring.recovery.decisions import Round
from batch_transform.scoring.recovery.pieces import Extracted
from batch_transform.scoring.recovery.search import Search, hours_of
from batch_transform.scoring.recovery.suspects import Suspect

_NAMED = 10
_MOST_BROKEN = 2  # a fault of the service is tried once more; what repeats is the model's or ours


def check_service(search: Search) -> None:
    """Check that something was ever answered.

    Raises:
        JobFailed: the service fails whatever is sent.
    """
    if search.state.is_hopeless(search.run.allowed):
        raise JobFailed(
            f"The service fails whatever is sent: {search.state.suspects[0].blame}. See the log of"
            f" {search.jobs[-1].name}; once it is mended, clear the transform task"
        )


def check_not_broken(search: Search) -> None:
    """Check that the service has not failed twice in a row at the same records.

    Raises:
        JobFailed: it has.
    """
    broken = [each for each in search.state.suspects if each.broken >= _MOST_BROKEN]
    if broken:
        raise JobFailed(
            f"The service failed {_MOST_BROKEN} times in a row at {_records(broken)} records, which"
            f" may all be good: {broken[0].blame}. Out of memory, a model too large for its volume,"
            f" or a fault of the service: see the log of {search.jobs[-1].name}, then clear the"
            " recover task to try again. Nothing was loaded; the outputs stay"
        )


def not_to_pay(search: Search, sent: Round) -> str | None:
    """Say why a round's job is not to be paid; None where it is."""
    return next(filter(None, _reasons(search, sent)), None)


def bad_records(search: Search) -> str:
    """Say that more records are bad than are allowed."""
    state, run = search.state, search.run
    likely = f" (about {state.expected} by estimate)" if state.expected > state.certain else ""
    return (
        f"at least {state.certain} of {run.index.records} records are bad{likely}, and"
        f" limits.bad_records allows {run.allowed}: mend them, or the model, or set"
        f" limits.bad_records to {state.expected} or more and clear the recover task"
    )


def forbids_load(search: Search, limit: str | None) -> str | None:
    """Say why nothing may be loaded; None where what is answered may."""
    run, state = search.run, search.state
    if not state.answered and not run.index.resubmits:
        return f"{limit}. None was answered, so it may be the model's fault"
    if limit is None or not run.loads_rest:
        return limit
    doubtful = [each for each in state.suspects if not each.is_proven]
    if doubtful:
        return f"{limit}. {_records(doubtful)} of them may be good, and are not quarantined"
    return None


def ended(search: Search, extracted: Extracted, reason: str) -> LimitHit:
    """Return the error of a search that a limit ends, with what is known by then."""
    state = search.state
    left = _records(state.suspects) + len(state.given_up)
    spans = len(state.suspects) + len(state.given_up)
    more = f"\n  and {spans - _NAMED} more" if spans > _NAMED else ""
    known = "\n  ".join(islice(_known(search, extracted), _NAMED))
    return LimitHit(
        f"{left} records have no prediction, and {reason}. Nothing was loaded; the outputs stay."
        f" After {_jobs(len(search.contents))}:\n  {known}{more}"
    )


def _jobs(number: int) -> str:
    return f"{number} further job{'' if number == 1 else 's'}"


def _reasons(search: Search, sent: Round) -> Iterator[str | None]:
    limits, state = search.run.limits, search.state
    is_any_help = search.run.loads_rest or search.is_over_limit
    needed = state.rounds + (1 if is_any_help else state.rounds_needed)
    if needed > limits.max_rounds:
        yield (
            f"limits.max_rounds is {limits.max_rounds}, and at least {_jobs(needed)}"
            f" {'is' if needed == 1 else 'are'} needed: set it to {needed} or more and clear the"
            f" recover task. {_size(search, sent)}"
        )
    if limits.instance_hours is not None and hours_of(search.jobs) >= limits.instance_hours:
        yield (
            f"{hours_of(search.jobs):.2f} instance hours are used, and limits.instance_hours, or a"
            f" limit of cost, allows {limits.instance_hours:.4g}: raise it and clear the recover"
            f" task. {_size(search, sent)}"
        )
    if search.run.now() >= search.run.ends:
        yield (
            f"limits.deadline was over at {search.run.ends:%Y-%m-%d %H:%M} UTC: clear the recover"
            f" task to begin it anew, or raise it. {_size(search, sent)}"
        )
    if len(sent.suspects) > MOST_PIECES:
        yield (
            f"about {state.expected} records are bad: to find them takes more than {MOST_PIECES:,}"
            f" objects in a job. {_size(search, sent)}"
        )


def _size(search: Search, sent: Round) -> str:
    records = sum(span.records for span in sent.suspects)
    hours = hours_of(search.jobs[:1]) * records / search.run.index.records
    return (
        f"The next job would send {records:,} records in {len(sent.suspects):,} objects, for"
        f" {hours:.2f} instance hours or more"
    )


def _known(search: Search, extracted: Extracted) -> Iterator[str]:
    """Name single records by their ids, then spans of which the bad record is not known yet."""
    state, names = search.state, search.run.shards
    by_itself = {each.span: each.blame for each in state.suspects if each.span.records == 1}
    by_itself |= state.given_up
    some = {span: by_itself[span] for span in sorted(by_itself)[:_NAMED]}
    for span, kept in zip(some, extracted.quarantined(some), strict=True):
        yield f"{kept.shard}, line {kept.line}, id {shown(kept.id)}: {some[span]}"
    longer = [each for each in state.suspects if each.span.records > 1]
    for each in sorted(longer, key=lambda each: (not each.is_proven, each.span)):
        first, last = each.span.first + 1, each.span.first + each.span.records
        yield f"{names[each.span.shard]}, lines {first} to {last}: {each.blame}"


def _records(suspects: Iterable[Suspect]) -> int:
    return sum(each.span.records for each in suspects)
