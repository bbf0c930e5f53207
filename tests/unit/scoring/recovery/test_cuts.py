"""How finely suspects are cut, by the arithmetic of testing in groups."""

import math

import pytest

from batch_transform.scoring.jobs.blame import Blame, Cause
from batch_transform.scoring.recovery.cuts import MOST_PIECES, expected_bad, parts
from batch_transform.scoring.recovery.spans import Span
from batch_transform.scoring.recovery.suspects import Suspect

RECORDS = 2**14


def suspect(records=RECORDS, shard=0, **changes):
    span = Span(shard=shard, first=0, records=records)
    return Suspect(span=span, blame=Blame(cause=Cause.RECORD), **changes)


def pieces(*suspects, **limits):
    return list(parts(suspects, **{"cuts_left": 3, **limits}).values())


@pytest.mark.parametrize(
    ("failed", "sent", "share"),
    # Of pieces with 1 bad record each on average exp(-1) have none.
    [(1, 10, 0.1), (5, 10, 0.5), (10, 10, 0.95), (1, 1, 0.5)],
)
def test_how_many_failed_tells_how_many_are_bad(failed, sent, share):
    rate = math.log(1 / (1 - share))
    assert expected_bad(failed, sent) == pytest.approx(rate / share)


@pytest.mark.parametrize(
    ("changes", "limits", "made"),
    [
        # one cut takes 16,384 objects and a job; two 2 * 128 and two jobs, three 3 * 26 and three
        ({}, {}, 128),
        ({}, {"cuts_left": 2}, 128),
        ({}, {"cuts_left": 1}, RECORDS),
        ({}, {"cuts_left": 0}, RECORDS),
        ({"records": 4096}, {}, 4096),
        # the denser, the finer
        ({"bad": 4.0}, {}, 256),
        ({"records": 2, "bad": 9.0}, {}, 2),
        # what was cut twice is cut to single records
        ({"cuts": 1}, {}, 128),
        ({"cuts": 2}, {}, RECORDS),
        ({"cuts": 3}, {}, RECORDS),
        # within the most pieces a further cut, and then as many as there may be
        ({}, {"most": 128}, 128),
        ({}, {"most": 127}, 26),
        ({}, {"most": 16}, 16),
        ({}, {"most": 1}, 2),
        ({}, {"least": 100}, 128),
        ({}, {"least": 512}, 512),
        ({}, {"least": 512, "most": 256}, 256),
        ({"records": 10**6}, {"cuts_left": 1}, MOST_PIECES),
    ],
)
def test_a_span_is_cut_so_that_objects_and_jobs_are_fewest(changes, limits, made):
    assert pieces(suspect(**changes), **limits) == [made]


def test_spans_share_the_pieces_by_their_records():
    both = suspect(records=1024), suspect(records=3072, shard=1)
    assert pieces(*both, cuts_left=1, most=16) == [4, 12]
    assert pieces(*both, cuts_left=1) == [1024, 3072]


def test_as_many_pieces_as_are_to_be_made_at_least_are_left_as_they_were_planned():
    both = suspect(records=2048), suspect(records=14336, shard=1)
    assert pieces(*both, least=46 + 120) == [46, 120]
    assert pieces(*both, least=46 + 121) == [20, 146]


def test_the_objects_of_all_spans_together_decide_how_often_to_cut():
    # Of one span of 2,048 to cut once is cheapest, of eight twice: 16,384 objects against 46 * 16.
    assert pieces(suspect(records=2048)) == [2048]
    assert pieces(*(suspect(records=2048, shard=number) for number in range(8))) == [46] * 8
