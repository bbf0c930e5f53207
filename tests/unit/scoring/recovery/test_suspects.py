"""What a failure is held against: the records, the log, or the service."""

from itertools import product

import pytest

from batch_transform.scoring.jobs.blame import Blame, Cause
from batch_transform.scoring.recovery.spans import Span
from batch_transform.scoring.recovery.suspects import Suspect, Trial, failed

SPAN = Span(shard=0, first=0, records=10)
SINGLE = Span(shard=0, first=3, records=1)
FACTS = ("service_worked", "between_controls", "all_named", "one_at_a_time", "record_by_record")
TRIALS = [
    dict(zip(FACTS, facts, strict=True)) for facts in product([False, True], repeat=len(FACTS))
]
AT_ONCE = {Cause.RECORD, Cause.UNFIT}
WHERE_IT_WORKED = {Cause.SERVER, Cause.TIMEOUT, Cause.OTHER}


def suspect(span=SPAN, cause=Cause.RECORD, **changes):
    return Suspect(span=span, blame=Blame(cause=cause), **changes)


def needs(cause, span):
    """The facts of a trial without which a failure is not held; None where it never is."""
    if cause in AT_ONCE or (cause in {Cause.COUNT, Cause.SIZE} and span.records == 1):
        return set()
    if cause in WHERE_IT_WORKED:
        return {"service_worked"}
    return {
        Cause.COUNT: {"record_by_record"},
        Cause.SIZE: {"record_by_record"},
        Cause.SILENCE: {"service_worked", "one_at_a_time", "all_named"},
        Cause.UNKNOWN: {"service_worked", "between_controls"},
    }.get(cause)


@pytest.mark.parametrize("span", [SPAN, SINGLE], ids=["several", "single"])
@pytest.mark.parametrize("cause", Cause)
def test_a_failure_is_held_against_records_where_the_job_proves_it(cause, span):
    needed = needs(cause, span)
    for facts in TRIALS:
        proves = needed is not None and all(facts[name] for name in needed)
        after = failed(suspect(span, cause), span, Blame(cause=cause), Trial(**facts))
        assert after.held == int(proves), facts


@pytest.mark.parametrize("cause", Cause)
def test_where_a_control_fails_too_the_service_is_at_fault(cause):
    before = suspect(held=1, named=2, silent=3, broken=4, bad=5)
    trial = Trial(**{**TRIALS[-1], "service_failed": True})
    after = failed(before, SPAN, Blame(cause=cause), trial)
    kept = (after.held, after.named, after.silent, after.broken, after.cuts, after.bad)
    assert kept == (1, 2, 3, 5, 0, 5)


def counts(before, span, cause):
    after = failed(before, span, Blame(cause=cause), Trial(**TRIALS[-1]))
    return after.held, after.named, after.silent, after.broken, after.cuts


BEFORE = {"held": 1, "named": 2, "silent": 3, "broken": 4, "cuts": 1}


@pytest.mark.parametrize(
    ("cause", "whole", "piece"),
    [
        # held, named, silent, broken, cuts: sent again whole, and as a piece of it
        (Cause.RECORD, (2, 3, 3, 0, 1), (1, 3, 0, 0, 2)),
        (Cause.UNKNOWN, (2, 2, 4, 0, 1), (1, 2, 1, 0, 2)),
        (Cause.SERVICE, (1, 2, 3, 5, 1), (0, 2, 0, 5, 2)),
        (Cause.BYSTANDER, (1, 2, 3, 4, 1), (0, 2, 0, 4, 2)),
    ],
)
def test_a_span_goes_on_with_what_was_known_and_a_piece_begins_anew(cause, whole, piece):
    assert counts(suspect(**BEFORE), SPAN, cause) == whole
    assert counts(suspect(**BEFORE), SINGLE, cause) == piece


@pytest.mark.parametrize(("cause", "held"), [(Cause.RECORD, 1), (Cause.UNFIT, 0)])
def test_an_answer_that_is_unfit_among_others_is_asked_for_again(cause, held):
    assert counts(None, SINGLE, cause) == (held, 1, 0, 0, 0)


@pytest.mark.parametrize("cause", Cause)
def test_one_failure_proves_what_only_records_can_cause(cause):
    only_records = cause in AT_ONCE | {Cause.COUNT, Cause.SIZE}
    proven = [suspect(cause=cause, held=held).is_proven for held in (0, 1, 2)]
    assert proven == [False, only_records, True]


@pytest.mark.parametrize(
    ("span", "held", "given_up"),
    [(SINGLE, 1, False), (SINGLE, 2, True), (SINGLE, 3, True), (SPAN, 2, False)],
)
def test_a_single_record_is_given_up_when_it_failed_twice(span, held, given_up):
    assert suspect(span, held=held).is_given_up is given_up


@pytest.mark.parametrize("count", ["named", "silent", "broken"])
def test_what_fails_twice_in_one_manner_is_repeated(count):
    assert [suspect(**{count: times}).is_repeated for times in (0, 1, 2)] == [False, False, True]
    assert not suspect(named=1, silent=1, broken=1).is_repeated


@pytest.mark.parametrize(
    ("changes", "some_answered", "to_cut"),
    [
        ({"cause": Cause.RECORD}, False, True),
        ({"cause": Cause.RECORD, "span": SINGLE}, False, False),
        ({"cause": Cause.RECORD, "broken": 1}, False, False),
        ({"cause": Cause.SERVER}, True, True),
        ({"cause": Cause.SERVER}, False, False),
        ({"cause": Cause.TIMEOUT, "named": 1}, True, False),
        ({"cause": Cause.TIMEOUT, "named": 2}, False, True),
        ({"cause": Cause.UNKNOWN, "silent": 1, "named": 2}, True, False),
        ({"cause": Cause.UNKNOWN, "silent": 2}, False, True),
        ({"cause": Cause.BYSTANDER, "named": 2}, True, False),
        ({"cause": Cause.SERVICE, "named": 2}, True, False),
    ],
)
def test_what_is_cut_and_what_is_sent_again_whole(changes, some_answered, to_cut):
    assert suspect(**changes).is_to_cut(some_answered) is to_cut
