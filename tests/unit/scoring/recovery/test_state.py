"""What a state of the search says, and the order in which a round sends what it sends."""

import pytest

from batch_transform.scoring.jobs.blame import Blame, Cause
from batch_transform.scoring.recovery.decisions import State, next_round
from batch_transform.scoring.recovery.spans import Span
from batch_transform.scoring.recovery.suspects import Suspect


def suspect(shard, cause, records=10, **changes):
    span = Span(shard=shard, first=0, records=records)
    return Suspect(span=span, blame=Blame(cause=cause), **changes)


def state(*suspects, answered=(), **changes):
    return State(answered=frozenset(answered), suspects=suspects, given_up={}, **changes)


def test_where_nothing_is_suspect_no_round_is_needed():
    assert state().rounds_needed == 0
    assert state(suspect(0, Cause.RECORD)).rounds_needed == 1
    assert state(suspect(0, Cause.RECORD, held=1), suspect(1, Cause.RECORD)).rounds_needed == 2
    assert state(suspect(0, Cause.RECORD, records=1, held=1)).rounds_needed == 1


def test_one_failure_that_is_a_records_own_leaves_hope():
    of_service = suspect(0, Cause.SERVICE, broken=2)
    assert state(of_service).is_hopeless(0)
    assert not state(of_service, suspect(1, Cause.RECORD, named=2)).is_hopeless(0)


def test_the_first_record_that_was_answered_is_the_control():
    answered = [Span(shard, 0, 5) for shard in (7, 3, 1, 9, 5)]
    chosen = [suspect(0, Cause.RECORD)]
    sent = next_round(state(*chosen, answered=answered), chosen, cuts_left=1)
    assert sent.controls == (Span(1, 0, 1),)
    assert sent.spans[0] == Span(1, 0, 1)


def test_a_silent_record_is_sent_between_two_controls():
    chosen = [suspect(2, Cause.UNKNOWN, records=1)]
    sent = next_round(state(*chosen, answered=[Span(0, 0, 5)]), chosen, cuts_left=1)
    assert sent.spans == (Span(0, 0, 1), Span(2, 0, 1), Span(0, 1, 1))
    assert sent.between_controls


@pytest.mark.parametrize(
    ("cause", "at_once"), [(Cause.RECORD, True), (Cause.SILENCE, False), (Cause.BYSTANDER, False)]
)
def test_after_an_end_of_the_container_requests_go_one_at_a_time(cause, at_once):
    chosen = [suspect(0, cause)]
    sent = next_round(state(*chosen, answered=[Span(1, 0, 5)]), chosen, cuts_left=1)
    assert sent.one_at_a_time is not at_once


def test_what_may_end_the_container_goes_last_and_before_it_what_nobody_speaks_of():
    causes = [Cause.SILENCE, Cause.UNKNOWN, Cause.TIMEOUT]
    chosen = [suspect(shard, cause) for shard, cause in enumerate(causes)]
    for rounds in (0, 1):
        sent = next_round(state(*chosen, rounds=rounds), chosen, cuts_left=1)
        assert [span.shard for span in sent.suspects] == [2, 1, 0]
