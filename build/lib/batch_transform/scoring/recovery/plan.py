"""Decides what to send again, how finely cut, and when a record is given up.

What is known of a run's records is a ``State``: spans that are answered, spans that are suspect,
and records that are given up. A round sends every suspect again in one job:

| the suspect failed because            | it is sent again                          |
|---------------------------------------|-------------------------------------------|
| the model refused a record            | cut, down to single records               |
| of the service, for the first time    | whole                                     |
| of the service, once more             | cut                                       |
| answers and records were not as many  | whole, but record by record; then cut     |
| nobody says why                       | whole, before the suspects                |

A record that fails by itself twice is given up. A container that ends takes what it has not
finished with it; so after such an end requests go one at a time, and the suspects last.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from batch_transform.scoring.jobs.blame import Blame, Cause

_SINGLES = 1000  # up to so many records are sent one by one at once
_MOST_PIECES = 10_000
_ALONE_AT_MOST = 2
_OF_SERVICE = frozenset({Cause.SERVER, Cause.TIMEOUT, Cause.SILENCE})


@dataclass(frozen=True, kw_only=True, order=True)
class Span:
    """Neighbouring records of one shard.

    Attributes:
        shard: number of the shard, from 0.
        first: number of the first record in it, from 0.
        records: how many.
    """

    shard: int
    first: int
    records: int

    def cut(self, parts: int) -> Iterator[Span]:
        """Yield nearly equal neighbouring spans, none of them empty."""
        parts = min(parts, self.records)
        ends = [self.records * (number + 1) // parts for number in range(parts)]
        for start, end in zip([0, *ends], ends, strict=False):
            yield Span(shard=self.shard, first=self.first + start, records=end - start)


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A span that was sent, and has no output.

    Attributes:
        span: the records.
        blame: why.
        alone: how often it failed as a single record.
        times: how often it failed, or the span it was cut from, for a reason that is known.
    """

    span: Span
    blame: Blame
    alone: int = 0
    times: int = 1


@dataclass(frozen=True, kw_only=True)
class State:
    """What is known of the records of a run.

    Attributes:
        answered: spans with an output, in any order.
        suspects: spans without one.
        given_up: single records that are not sent any more, and why.
    """

    answered: frozenset[Span]
    suspects: tuple[Suspect, ...]
    given_up: Mapping[Span, Blame]

    @property
    def certain(self) -> int:
        """How many records at least have no prediction: one in each span that a record failed.

        What the service may be at fault for is not certain the first time.
        """
        return len(self.given_up) + sum(_is_certain(each) for each in self.suspects)

    def is_hopeless(self, allowed: int) -> bool:
        """Tell whether the service fails whatever is sent: whole, once more, and cut.

        It is not cut where even one bad record in each span were more than what is allowed.
        """
        fails_everything = (
            not self.answered
            and not self.given_up
            and len(self.suspects) > 1
            and all(_is_certain(each) and _is_of_service(each) for each in self.suspects)
        )
        was_cut = all(each.times > 2 for each in self.suspects)
        return fails_everything and (was_cut or self.certain > allowed)


@dataclass(frozen=True, kw_only=True)
class Round:
    """What is sent again in one job.

    Attributes:
        number: of the round, from 1.
        spans: in the order of the manifest, each with the suspect it comes from.
        record_by_record: whether each request holds one record.
        one_at_a_time: whether an instance has one request in flight.
    """

    number: int
    spans: Mapping[Span, Suspect]
    record_by_record: bool
    one_at_a_time: bool


def begin(answered: Iterable[Span], blamed: Mapping[Span, Blame]) -> State:
    """Return what the first job leaves: answered shards, and shards with blame."""
    empty = State(answered=frozenset(answered), suspects=(), given_up={})
    return replace(empty, suspects=tuple(_first(s, blame, empty) for s, blame in blamed.items()))


def next_round(state: State, number: int, allowed: int) -> Round:
    """Decide what to send.

    Args:
        state: what is known.
        number: of the round, from 1.
        allowed: how many records may be bad.
    """
    spans: dict[Span, Suspect] = {}
    parts = _parts(state, allowed)
    for suspect in sorted(state.suspects, key=_order):
        spans.update(dict.fromkeys(suspect.span.cut(parts.get(suspect.span, 1)), suspect))
    causes = {suspect.blame.cause for suspect in state.suspects}
    return Round(
        number=number,
        spans=spans,
        record_by_record=Cause.COUNT in causes,
        one_at_a_time=bool(causes & {Cause.SILENCE, Cause.UNKNOWN}),
    )


def after(state: State, sent: Round, blamed: Mapping[Span, Blame]) -> State:
    """Return what is known once a round is over; a span of it without blame is answered."""
    answered = state.answered | (sent.spans.keys() - blamed.keys())
    known = State(answered=answered, suspects=(), given_up=state.given_up)
    suspects, given_up = [], dict(state.given_up)
    for span, blame in blamed.items():
        before = sent.spans.get(span)  # none for a record that is unfit in a longer span
        suspect = _again(before, span, blame, known) if before else _first(span, blame, known)
        if suspect.alone >= _ALONE_AT_MOST:
            given_up[span] = blame
        else:
            suspects.append(suspect)
    return State(answered=answered, suspects=tuple(suspects), given_up=given_up)


def _first(span: Span, blame: Blame, known: State) -> Suspect:
    suspect = Suspect(span=span, blame=blame, times=int(blame.cause is not Cause.UNKNOWN))
    alone = span.records == 1 and _is_of_record(suspect, known) and blame.cause is not Cause.UNFIT
    return replace(suspect, alone=int(alone))


def _again(before: Suspect, span: Span, blame: Blame, known: State) -> Suspect:
    """Return the suspect that a span is after it has failed in a round."""
    times = before.times + (blame.cause is not Cause.UNKNOWN)
    suspect = Suspect(span=span, blame=blame, times=times)
    if span.records > 1:
        return suspect
    alone = before.alone if before.span == span else 0
    return replace(suspect, alone=alone + _is_of_record(suspect, known))


def _is_of_record(suspect: Suspect, known: State) -> bool:
    """Tell whether one of the suspect's records is why it failed."""
    others_are_answered = suspect.blame.cause is Cause.SERVER and bool(known.answered)
    return others_are_answered or _is_certain(suspect)


def _is_certain(suspect: Suspect) -> bool:
    cause = suspect.blame.cause
    at_once = cause not in _OF_SERVICE | {Cause.COUNT, Cause.UNKNOWN}
    return at_once or (suspect.times > 1 and cause is not Cause.UNKNOWN)


def _is_of_service(suspect: Suspect) -> bool:
    return suspect.blame.cause in _OF_SERVICE


def _parts(state: State, allowed: int) -> Mapping[Span, int]:
    """Say into how many pieces each suspect is cut that is not sent whole.

    The square root of its records, up to a million of them: so single records follow in the next
    round, are confirmed in the one after, and a shard of a million takes three. Where nothing was
    answered yet, so many pieces that all of them failing is more than what is allowed.
    """
    to_cut = [each.span for each in state.suspects if _is_of_record(each, state)]
    total = sum(span.records for span in to_cut)
    wanted = {}
    for span in to_cut:
        parts = span.records if span.records <= _SINGLES else math.ceil(math.sqrt(span.records))
        if not state.answered:
            parts = max(parts, math.ceil((allowed + 1) * span.records / total))
        wanted[span] = min(parts, span.records)
    most = sum(wanted.values())
    if most <= _MOST_PIECES:
        return wanted
    return {span: max(2, parts * _MOST_PIECES // most) for span, parts in wanted.items()}


def _order(suspect: Suspect) -> tuple[bool, Span]:
    return suspect.blame.cause is not Cause.UNKNOWN, suspect.span


def spans_of(records: Sequence[int]) -> list[Span]:
    """Return the span of each whole shard, by how many records it has."""
    return [Span(shard=n, first=0, records=count) for n, count in enumerate(records)]
