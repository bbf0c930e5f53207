"""Into how many pieces suspects are cut, so that few jobs and few objects find what is bad.

An object is answered whole or not at all, so finding bad records is testing them in groups. Where
``n`` records hold ``b`` bad ones, ``depth`` cuts, the last down to single records, take the fewest
objects where each makes ``n ** (1 / depth) * b ** (1 - 1 / depth)`` pieces of each original span:
as many in every round. More cuts take fewer objects, and a job more; the cheapest depth is taken.

How dense bad records are is read from how many of a span's pieces failed: a piece of density
``rate`` is without a bad one by chance with probability ``exp(-rate)``.
https://en.wikipedia.org/wiki/Group_testing
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batch_transform.scoring.recovery.spans import Span
from batch_transform.scoring.recovery.suspects import Suspect

# Of a job. Enough to find 10,000 bad records among 10 M in four rounds; as many index entries fit a
# worker's memory some ten times.
MOST_PIECES = 120_000
# An object is a PUT here, and a GET, a request and a PUT of the service; a further job takes as
# long, and costs as much, as about so many of them.
_OBJECTS_A_JOB = 5_000
_MOST_CUTS = 3


def expected_bad(failed: int, sent: int) -> float:
    """Return how many bad records to expect in each piece that failed, of so many that were sent.

    Where all of them failed the true density is unknown; one half of a piece less is assumed.
    """
    rate = -math.log(1 - min(failed, sent - 0.5) / sent)
    return rate / -math.expm1(-rate)


@dataclass(frozen=True)
class _Plan:
    depth: int
    parts: Mapping[Span, int]
    objects: int

    @property
    def pieces(self) -> int:
        return sum(self.parts.values())

    @property
    def cost(self) -> int:
        return self.objects + self.depth * _OBJECTS_A_JOB


def parts(
    suspects: Sequence[Suspect], *, cuts_left: int, least: int = 0, most: int = MOST_PIECES
) -> Mapping[Span, int]:
    """Say into how many pieces each suspect is cut.

    Args:
        suspects: those to cut.
        cuts_left: how many rounds of cuts may still come, this one with them.
        least: how many pieces to make at least.
        most: how many to make at most, where each of two is not more already.
    """
    depths = range(1, max(1, min(cuts_left, _MOST_CUTS)) + 1)
    plans = [plan for plan in (_plan(suspects, depth) for depth in depths) if plan.pieces <= most]
    total = sum(each.span.records for each in suspects)
    if not plans:
        return _in_proportion(suspects, most / total)
    best = min(plans, key=lambda plan: plan.cost)
    if best.pieces >= least:
        return best.parts
    return _in_proportion(suspects, min(least, most) / total)


def _plan(suspects: Sequence[Suspect], depth: int) -> _Plan:
    """Plan so many cuts; but where records were cut before, no more than are left of the most."""
    made, objects = {}, 0
    for each in suspects:
        own = max(1, min(depth, _MOST_CUTS - each.cuts))
        records = each.span.records
        bad = min(each.bad, records)
        made[each.span] = min(records, math.ceil(records ** (1 / own) * bad ** (1 - 1 / own)))
        objects += own * made[each.span]
    return _Plan(depth=depth, parts=made, objects=objects)


def _in_proportion(suspects: Sequence[Suspect], share: float) -> Mapping[Span, int]:
    return {
        each.span: min(each.span.records, max(2, math.floor(each.span.records * share)))
        for each in suspects
    }
