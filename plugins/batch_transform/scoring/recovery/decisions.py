"""Decides what to send again, how finely cut, and when a record is given up.

What is known of a run's records is a ``State``: spans that are answered, spans that are suspect,
and records that are given up. A round sends suspects again in one job:

| the suspect failed because                 | it is sent again                        |
|--------------------------------------------|-----------------------------------------|
| the model refused a record                 | cut, in the end to single records       |
| the container answered 5xx                 | cut where others were answered          |
| it did not answer in time, or ended        | whole; where that happens again, cut    |
| a request was too large, or its answers    | whole, but record by record; then cut   |
| were more or fewer than its records        |                                         |
| nobody says why                            | whole; where that happens again, cut    |
| another object ended the container         | whole                                   |
| the service failed                         | whole                                   |

With them goes a control: a record that was answered before, as the first object, and where a single
record failed silently another as the last. ``suspects`` says what is held against a record; one
that fails by itself twice is given up. A container that ends takes what it has not finished with
it; so after such an end requests go one at a time, and the suspects last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop
from itertools import islice

from batch_transform.scoring.jobs.blame import (
    NEVER_OF_RECORDS,
    NOT_OF_RECORDS_ALONE,
    OF_REQUESTS,
    Blame,
    Cause,
)
from batch_transform.scoring.recovery.cuts import MOST_PIECES, expected_bad, parts
from batch_transform.scoring.recovery.spans import Span
from batch_transform.scoring.recovery.suspects import Suspect, Trial, failed

_OF_SERVICE = NOT_OF_RECORDS_ALONE | NEVER_OF_RECORDS
_OF_NO_RECORD = NEVER_OF_RECORDS | {Cause.UNKNOWN}
_UNNAMED = frozenset({Cause.UNKNOWN, Cause.SERVICE})
# Rounds in which objects take turns at ending the container before anything is answered.
_MOST_TURNS = 5
# Pieces, where all of them failing must prove that more is bad than allowed: twice as many show it
# from a third more than allowed on, and cut about as finely as the search for so many needs.
_PIECES_A_BAD = 2


@dataclass(frozen=True, kw_only=True)
class State:
    """What is known of the records of a run.

    Attributes:
        answered: spans with an output, in any order.
        suspects: spans without one.
        given_up: single records that are not sent any more, and why.
        rounds: how many rounds there were.
    """

    answered: frozenset[Span]
    suspects: tuple[Suspect, ...]
    given_up: Mapping[Span, Blame]
    rounds: int = 0

    @property
    def certain(self) -> int:
        """How many records are bad at least: one in each span that is proven to hold one."""
        return len(self.given_up) + sum(each.is_proven for each in self.suspects)

    @property
    def expected(self) -> int:
        """How many records are bad, as far as one can tell."""
        proven = (min(each.bad, each.span.records) for each in self.suspects if each.is_proven)
        return len(self.given_up) + round(sum(proven))

    @property
    def rounds_needed(self) -> int:
        """How many rounds it takes at least to answer every record or to give it up."""
        return max(
            (1 + (each.is_proven and each.span.records > 1) for each in self.suspects), default=0
        )

    @property
    def is_refused(self) -> bool:
        """Whether no record was answered, and each was refused by itself."""
        return not self.answered and all(
            each.is_proven and each.span.records == 1 for each in self.suspects
        )

    def is_hopeless(self, allowed: int) -> bool:
        """Tell whether the service fails whatever is sent: whole, once more, and cut.

        It is not cut where even one bad record in each span were more than what is allowed. Where
        the container ends, others than the one that ended it must have their turn.
        """
        if self.answered or self.given_up or not self.suspects:
            return False
        if any(each.blame.cause not in _OF_SERVICE for each in self.suspects):
            return False
        if any(each.blame.cause is Cause.BYSTANDER for each in self.suspects):
            return self.rounds >= _MOST_TURNS
        is_repeated = all(each.is_repeated for each in self.suspects)
        is_cut = all(each.cuts or not each.is_to_cut(False) for each in self.suspects)
        return is_repeated and (is_cut or len(self.suspects) > allowed)


@dataclass(frozen=True, kw_only=True)
class Round:
    """What is sent again in one job.

    Attributes:
        number: of the round, from 1.
        suspects: what is sent, each with the suspect it comes from, in the order of the manifest.
        controls: records that were answered before: none where none was, or one that goes first,
            or also one that goes last.
        record_by_record: whether each request holds one record.
        one_at_a_time: whether an instance has one request in flight.
    """

    number: int
    suspects: Mapping[Span, Suspect]
    controls: tuple[Span, ...]
    record_by_record: bool
    one_at_a_time: bool

    @property
    def between_controls(self) -> bool:
        """Whether a single instance is sent everything between two controls."""
        return len(self.controls) > 1

    @property
    def spans(self) -> tuple[Span, ...]:
        """What is sent, in the order of the manifest."""
        return (*self.controls[:1], *self.suspects, *self.controls[1:])


def begin(answered: Iterable[Span], blamed: Mapping[Span, Blame], allowed: int) -> State:
    """Return what the first job leaves: answered shards, and shards with blame."""
    known = frozenset(answered)
    trial = Trial(service_worked=bool(known))
    suspects = (
        replace(
            failed(None, span, blame, trial), bad=_bad_in_each(len(blamed), len(known), allowed)
        )
        for span, blame in blamed.items()
    )
    return State(answered=known, suspects=tuple(suspects), given_up={})


def next_round(
    state: State,
    chosen: Sequence[Suspect],
    *,
    cuts_left: int,
    least: int = 0,
    most: int = MOST_PIECES,
) -> Round:
    """Decide how suspects are sent.

    Args:
        state: what is known.
        chosen: those of the state's suspects to send.
        cuts_left: how many rounds of cuts may come, this one with them.
        least: how many pieces to make at least, of what is cut.
        most: how many to make at most.
    """
    to_cut = [each for each in chosen if each.is_to_cut(bool(state.answered))]
    made = parts(to_cut, cuts_left=cuts_left, least=least, most=most) if to_cut else {}
    causes = {each.blame.cause for each in chosen}
    has_silent_single = any(
        each.span.records == 1 and each.blame.cause is Cause.UNKNOWN for each in chosen
    )
    controls = _controls(state, 2 if has_silent_single and Cause.SILENCE not in causes else 1)
    return Round(
        number=state.rounds + 1,
        suspects={
            piece: each
            for each in _ordered(chosen, state.rounds)
            for piece in each.span.cut(made.get(each.span, 1))
        },
        controls=controls,
        record_by_record=bool(causes & OF_REQUESTS),
        one_at_a_time=len(controls) > 1 or bool(causes & {Cause.SILENCE, Cause.BYSTANDER}),
    )


def pieces_to_prove(state: State, allowed: int) -> int:
    """Return how many pieces show at once whether more is bad than allowed.

    Where something was answered, the search itself will show it soon enough.
    """
    return 0 if state.answered else _PIECES_A_BAD * (allowed + 1)


def after(state: State, sent: Round, blamed: Mapping[Span, Blame]) -> State:
    """Return what is known once a round is over; a span of it without blame is answered."""
    answered = state.answered | (sent.suspects.keys() - blamed.keys())
    trial = _trial(sent, blamed)
    sent_for = _sent_for(sent, blamed, forget=bool(answered) and not state.answered)
    suspects = [each for each in state.suspects if each.span not in sent_for]
    given_up = dict(state.given_up)
    for span, blame in blamed.items():
        if span in sent.controls:
            continue
        before = sent.suspects.get(span)  # none for a record that is unfit in a longer span
        suspect = failed(before and sent_for[before.span], span, blame, trial)
        if suspect.is_given_up and answered:
            given_up[span] = blame
        else:
            suspects.append(suspect)
    return State(answered=answered, suspects=tuple(suspects), given_up=given_up, rounds=sent.number)


def forgiven(state: State) -> State:
    """Forget how often the service was at fault."""
    return replace(state, suspects=tuple(replace(each, broken=0) for each in state.suspects))


def _bad_in_each(blamed: int, answered: int, allowed: int) -> float:
    """Return how many bad records to expect in each of so many shards with blame.

    Where no shard was answered nothing shows how dense bad records are: as dense as is allowed.
    """
    bad = expected_bad(blamed, blamed + answered)
    return bad if answered else max(bad, allowed / blamed)


def _trial(sent: Round, blamed: Mapping[Span, Blame]) -> Trial:
    unanswered = [blamed[control].cause for control in sent.controls if control in blamed]
    some_answered = any(span not in blamed for span in sent.suspects)
    return Trial(
        service_failed=any(cause is not Cause.BYSTANDER for cause in unanswered),
        service_worked=not unanswered if sent.controls else some_answered,
        between_controls=sent.between_controls,
        all_named=all(each.cause not in _UNNAMED for each in blamed.values()),
        one_at_a_time=sent.one_at_a_time,
        record_by_record=sent.record_by_record,
    )


def _sent_for(sent: Round, blamed: Mapping[Span, Blame], *, forget: bool) -> Mapping[Span, Suspect]:
    """Return what was known of each span whose pieces were sent, with what the pieces show of it.

    How many of them failed shows how many bad records each holds. Where nothing was answered till
    now the service may have been at fault before; what was held against records is forgotten.
    """
    spans = {before.span: before for before in sent.suspects.values()}
    pieces = Counter(before.span for before in sent.suspects.values())
    failed_pieces = Counter(
        before.span
        for piece, before in sent.suspects.items()
        if piece in blamed and blamed[piece].cause not in _OF_NO_RECORD
    )
    return {
        span: replace(
            before,
            held=0 if forget else before.held,
            bad=before.bad
            if pieces[span] == 1
            else expected_bad(max(1, failed_pieces[span]), pieces[span]),
        )
        for span, before in spans.items()
    }


def _ordered(chosen: Sequence[Suspect], rounds: int) -> list[Suspect]:
    """Put those last that may end the container, and before them those that nobody speaks of.

    Of the others those first that had the fewest turns, and each round from the other end: what
    ends the container takes along what comes after it.
    """

    def turn(each: Suspect) -> tuple[bool, bool, int]:
        cause = each.blame.cause
        return cause is Cause.SILENCE, cause is Cause.UNKNOWN, each.named

    by_place = sorted(chosen, key=lambda each: each.span, reverse=bool(rounds % 2))
    return sorted(by_place, key=turn)


def _controls(state: State, most: int) -> tuple[Span, ...]:
    """Choose records that were answered, and are not suspect by themselves."""
    taken = {each.span for each in state.suspects} | state.given_up.keys()
    spans = list(state.answered)
    heapify(spans)  # the first will do, but where it is suspect
    records = (
        Span(shard=span.shard, first=first, records=1)
        for span in iter(lambda: heappop(spans) if spans else None, None)
        for first in range(span.first, span.first + span.records)
    )
    return tuple(islice((record for record in records if record not in taken), most))
