"""Whatever records are bad, and however they are cut: exactly those are given up."""

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from batch_transform.scoring.recovery.spans import Span
from batch_transform.scoring.testing import Died, Refused, TimedOut
from tests.unit.scoring.recovery.conftest import Run, given_up, refusing

MOST = 120


@st.composite
def cases(draw):
    """Records, shards, and which are bad: none, the ends, neighbours, a shard, some at random."""
    count = draw(st.integers(2, MOST))
    shards = draw(st.integers(1, min(count, 6)))
    start = draw(st.integers(1, count))
    bad = draw(
        st.sampled_from([set(), {1}, {count}, {start, min(start + 1, count)}])
        | st.just(set(range(start, min(count, start + count // shards) + 1)))
        | st.sets(st.integers(1, count), max_size=count)
    )
    return count, shards, bad, draw(st.integers(1, 15)), draw(st.integers(0, 200))


def run_of(case, error, compression="none"):
    """Run and recover a partition whose bad records end in an error."""
    count, shards, bad, batch, size = case
    rows = [(number, 0.5, "x" * (size if number % 3 else 0)) for number in range(1, count + 1)]
    run = Run(
        rows,
        refusing(bad, lambda number: error),
        simulated={"batch": batch},
        shards={"min_count": shards},
        record={"compression": compression},
        limits={"bad_records": count, "max_rounds": 20},
    )
    coverage = run.recover()
    if coverage is None:
        assert not bad
    else:
        assert run.answered(coverage) == [n for n in range(1, count + 1) if n not in bad]
        assert given_up(coverage) == sorted(bad)
    return run.jobs


@settings(max_examples=50, deadline=None)
@given(cases().filter(lambda case: len(case[2]) < case[0]), st.sampled_from(["none", "gzip"]))
def test_the_bad_are_given_up_and_every_good_one_is_answered_once(case, compression):
    assert run_of(case, Refused(400), compression) <= 4


@settings(max_examples=40, deadline=None)
@example((4, 2, {2, 3}, 1, 0), TimedOut)  # a bad one in every shard is not a broken service
@given(cases().filter(lambda case: len(case[2]) <= 3 < case[0]), st.sampled_from([Died, TimedOut]))
def test_however_a_few_bad_ones_fail(case, error):
    _, shards, bad, *_ = case
    # A container that ends in every shard, whatever is sent, is taken for broken at last.
    assume(error is not Died or shards == 1 or len(bad) < shards)
    assert run_of(case, error()) <= 3 + 3 * len(case[2])


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3000), st.integers(1, 300))
def test_a_cut_covers_its_span(records, parts):
    span = Span(shard=2, first=5, records=records)
    pieces = list(span.cut(parts))
    assert [piece.shard for piece in pieces] == [2] * min(parts, records)
    assert [piece.first for piece in pieces] == [
        5 + sum(each.records for each in pieces[:number]) for number in range(len(pieces))
    ]
    sizes = {piece.records for piece in pieces}
    assert sum(piece.records for piece in pieces) == records
    assert max(sizes) - min(sizes) <= 1
