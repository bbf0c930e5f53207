"""What a state of the search says, and the order in which a round sends what it sends."""

from dataclasses import replace

import pytest

from batch_transform.scoring.jobs.blame import Blame, Cause
from batch_transform.scoring.recovery.cuts import expected_bad
from batch_transform.scoring.recovery.decisions import (
    Round,
    State,
    after,
    begin,
    forgiven,
    next_round,
    pieces_to_prove,
)
from batch_transform.scoring.recovery.spans import Span
from batch_transform.scoring.recovery.suspects import Suspect


def suspect(shard, cause, records=10, **changes):
    span = Span(shard=shard, first=0, records=records)
    return Suspect(span=span, blame=Blame(cause=cause), **changes)


def single(shard, cause, **changes):
    return suspect(shard, cause, records=1, **changes)


def state(*suspects, answered=(), given_up=(), **changes):
    given_up = dict.fromkeys(given_up, Blame(cause=Cause.RECORD))
    return State(answered=frozenset(answered), suspects=suspects, given_up=given_up, **changes)


def a_round(suspects, controls=(), number=1, **changes):
    """A round that sends these suspects whole, unless it is told the suspects of its pieces."""
    if not isinstance(suspects, dict):
        suspects = {each.span: each for each in suspects}
    changes = {"record_by_record": False, "one_at_a_time": False, **changes}
    return Round(number=number, suspects=suspects, controls=tuple(controls), **changes)


def blamed(cause, *spans):
    return dict.fromkeys(spans, Blame(cause=cause))


@pytest.mark.parametrize(
    ("answered", "failed", "allowed", "bad"),
    [
        (0, 1, 30, 30),
        (0, 4, 30, 7.5),
        (0, 4, 0, expected_bad(4, 4)),
        (12, 4, 30, expected_bad(4, 16)),
    ],
)
def test_how_many_are_bad_is_read_from_what_failed_or_as_many_as_may_be(
    answered, failed, allowed, bad
):
    spans = [Span(shard, 0, 100) for shard in range(answered + failed)]
    begun = begin(spans[failed:], blamed(Cause.RECORD, *spans[:failed]), allowed)
    assert [each.bad for each in begun.suspects] == [pytest.approx(bad)] * failed
    assert begun.answered == set(spans[failed:])


def test_a_server_error_is_held_against_records_only_where_others_were_answered():
    errors = blamed(Cause.SERVER, Span(0, 0, 9))
    held = [begin(known, errors, 0).suspects[0].held for known in ([], [Span(1, 0, 9)])]
    assert held == [0, 1]


def test_how_many_are_bad_at_least_and_as_far_as_one_can_tell():
    proven = {"cause": Cause.RECORD, "held": 1}
    known = state(
        suspect(0, **proven, bad=4.0),
        suspect(1, **proven, bad=99.0),
        suspect(2, Cause.RECORD, bad=3.0),
        given_up=[Span(3, 0, 1)],
    )
    assert (known.certain, known.expected) == (3, 1 + 4 + 10)


def test_where_nothing_is_suspect_no_round_is_needed():
    assert state().rounds_needed == 0
    assert state(suspect(0, Cause.RECORD)).rounds_needed == 1
    assert state(suspect(0, Cause.RECORD, held=1), suspect(1, Cause.RECORD)).rounds_needed == 2
    assert state(suspect(0, Cause.RECORD, records=1, held=1)).rounds_needed == 1
    assert state(suspect(0, Cause.RECORD, records=2, held=1)).rounds_needed == 2


@pytest.mark.parametrize(
    ("suspects", "answered", "refused"),
    [
        ([single(0, Cause.RECORD, held=1), single(1, Cause.RECORD, held=1)], [], True),
        ([single(0, Cause.RECORD, held=1)], [Span(1, 0, 1)], False),
        ([single(0, Cause.RECORD, held=1), single(1, Cause.RECORD)], [], False),
        ([single(0, Cause.RECORD, held=1), suspect(1, Cause.RECORD, held=1)], [], False),
    ],
)
def test_all_is_refused_where_each_record_was_by_itself(suspects, answered, refused):
    assert state(*suspects, answered=answered).is_refused is refused


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
    chosen = [suspect(2, Cause.UNKNOWN, records=1), suspect(3, Cause.UNKNOWN)]
    sent = next_round(state(*chosen, answered=[Span(0, 0, 5)]), chosen, cuts_left=1)
    assert sent.spans == (Span(0, 0, 1), Span(2, 0, 1), Span(3, 0, 10), Span(0, 1, 1))
    assert sent.between_controls
    assert sent.one_at_a_time


@pytest.mark.parametrize("cause", Cause)
def test_what_may_be_of_a_request_is_sent_record_by_record(cause):
    chosen = [suspect(0, cause), suspect(1, Cause.RECORD)]
    sent = next_round(state(*chosen), chosen, cuts_left=1)
    assert sent.record_by_record is (cause in {Cause.COUNT, Cause.SIZE})


AGAIN = {"cause": Cause.SERVER, "named": 2}


@pytest.mark.parametrize(
    ("suspects", "allowed", "hopeless"),
    [
        ([], 0, False),
        # whole, once more
        ([suspect(0, **AGAIN), suspect(1, Cause.SERVER, named=1)], 0, False),
        # to be cut, but where each bad record were one too many
        ([suspect(0, **AGAIN), suspect(1, **AGAIN)], 2, False),
        ([suspect(0, **AGAIN), suspect(1, **AGAIN)], 1, True),
        # cut in vain
        ([suspect(0, **AGAIN, cuts=1), suspect(1, **AGAIN)], 2, False),
        ([suspect(0, **AGAIN, cuts=1), suspect(1, **AGAIN, cuts=1)], 2, True),
        # not to be cut while nothing is answered
        ([suspect(0, Cause.SERVER, named=1, silent=2)], 2, True),
        ([suspect(0, Cause.SERVICE, broken=2)], 2, True),
    ],
)
def test_hope_is_given_up_when_all_fails_whole_once_more_and_cut(suspects, allowed, hopeless):
    known = state(*suspects)
    assert known.is_hopeless(allowed) is hopeless
    assert not replace(known, answered=frozenset({Span(9, 0, 1)})).is_hopeless(allowed)
    assert not replace(known, given_up=blamed(Cause.RECORD, Span(9, 0, 1))).is_hopeless(allowed)


@pytest.mark.parametrize(("rounds", "hopeless"), [(4, False), (5, True)])
def test_where_the_container_ends_five_others_have_their_turn(rounds, hopeless):
    ended = suspect(0, Cause.SILENCE, named=2), suspect(1, Cause.BYSTANDER)
    assert state(*ended, rounds=rounds).is_hopeless(0) is hopeless


def test_where_nothing_was_answered_so_many_pieces_show_whether_too_many_are_bad():
    assert pieces_to_prove(state(), 9) == 20
    assert pieces_to_prove(state(answered=[Span(0, 0, 1)]), 9) == 0


def test_what_is_forgiven_is_how_often_the_service_was_at_fault():
    assert forgiven(state(suspect(0, Cause.SERVICE, broken=2, named=1))) == state(
        suspect(0, Cause.SERVICE, named=1)
    )


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


@pytest.mark.parametrize(
    ("rounds", "order"),
    [(0, [0, 2, 1, 3]), (1, [2, 0, 3, 1]), (2, [0, 2, 1, 3]), (3, [2, 0, 3, 1])],
)
def test_of_the_others_each_round_begins_at_the_other_end_with_those_of_fewest_turns(rounds, order):
    chosen = [suspect(shard, Cause.TIMEOUT, named=shard % 2) for shard in (3, 1, 2, 0)]
    sent = next_round(state(*chosen, rounds=rounds), chosen, cuts_left=1)
    assert [span.shard for span in sent.suspects] == order


def test_no_record_that_is_suspect_or_given_up_is_a_control():
    chosen = [single(1, Cause.UNFIT)]
    known = state(*chosen, answered=[Span(1, 0, 5)], given_up=[Span(1, 1, 1)])
    assert next_round(known, chosen, cuts_left=1).controls == (Span(1, 2, 1),)
    known = state(*chosen, answered=[Span(1, 0, 2)], given_up=[Span(1, 1, 1)])
    assert next_round(known, chosen, cuts_left=1).controls == ()


def suspects_after(known, sent, found):
    return {each.span: each for each in after(known, sent, found).suspects}


def test_once_something_is_answered_what_was_held_before_is_forgotten():
    one, two = (suspect(shard, Cause.SERVER, held=1) for shard in (0, 1))
    found = blamed(Cause.RECORD, one.span)
    sent = a_round([one, two])
    assert suspects_after(state(one, two), sent, found)[one.span].held == 1
    known = state(one, two, answered=[Span(9, 0, 1)])
    assert suspects_after(known, sent, found)[one.span].held == 2


def test_a_control_that_fails_is_the_services_fault_and_no_suspect():
    one, control = suspect(0, Cause.RECORD), Span(9, 0, 1)
    known, sent = state(one, answered=[control]), a_round([one], [control])
    (left,) = after(known, sent, blamed(Cause.RECORD, one.span, control)).suspects
    assert (left.span, left.held, left.broken) == (one.span, 0, 1)
    (left,) = after(known, sent, blamed(Cause.BYSTANDER, one.span, control)).suspects
    assert (left.span, left.held, left.broken) == (one.span, 0, 0)


@pytest.mark.parametrize("others", [[], [Span(1, 0, 10)]])
def test_without_a_control_what_is_answered_shows_that_the_service_worked(others):
    one, two = suspect(0, Cause.SERVER), suspect(1, Cause.SERVER)
    found = blamed(Cause.SERVER, one.span, *others)
    left = suspects_after(state(one, two), a_round([one, two]), found)
    assert left[one.span].held == (0 if others else 1)


def test_a_silent_end_proves_nothing_where_the_log_does_not_name_all():
    one, two, control = suspect(0, Cause.SILENCE), suspect(1, Cause.SILENCE), Span(9, 0, 1)
    known = state(one, two, answered=[control])
    sent = a_round([one, two], [control], one_at_a_time=True)
    for other, held in ((Cause.UNKNOWN, 0), (Cause.TIMEOUT, 1)):
        found = {**blamed(Cause.SILENCE, one.span), **blamed(other, two.span)}
        assert suspects_after(known, sent, found)[one.span].held == held


def test_as_many_pieces_as_failed_show_how_many_are_bad():
    whole = suspect(0, Cause.RECORD, records=40, bad=3.0)
    pieces = list(whole.span.cut(4))
    known, sent = state(whole, answered=[Span(9, 0, 1)]), a_round(dict.fromkeys(pieces, whole))
    for cause, failed in ((Cause.RECORD, 2), (Cause.UNKNOWN, 1), (Cause.BYSTANDER, 1)):
        left = after(known, sent, blamed(cause, *pieces[:2]))
        assert [each.span for each in left.suspects] == pieces[:2]
        assert {each.bad for each in left.suspects} == {expected_bad(failed, 4)}
        assert left.answered == {Span(9, 0, 1), *pieces[2:]}
    again = suspects_after(known, a_round([whole]), blamed(Cause.RECORD, whole.span))
    assert again[whole.span].bad == 3.0


def test_a_record_that_is_unfit_in_a_longer_span_is_suspect_by_itself():
    whole, unfit = suspect(0, Cause.RECORD), Span(0, 4, 1)
    left = after(state(whole), a_round([whole]), blamed(Cause.UNFIT, unfit))
    assert [(each.span, each.held) for each in left.suspects] == [(unfit, 0)]
    assert whole.span in left.answered
