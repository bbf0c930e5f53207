import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_transform.scoring.extract import shards
from batch_transform.scoring.extract.shards import cut
from batch_transform.scoring.pipeline import Shards


def blocks(sizes, lines_a_block=3):
    lines = [b"x" * (size - 1) + b"\n" for size in sizes]
    return [
        b"".join(lines[start : start + lines_a_block])
        for start in range(0, len(lines), lines_a_block)
    ]


def cut_up(given_blocks, **limits):
    """The bodies of the shards, in their order."""
    bodies = {}
    for piece in cut(given_blocks, Shards(**limits)):
        assert piece.body.endswith(b"\n")
        assert piece.records == piece.body.count(b"\n")
        assert piece.shard in (len(bodies), len(bodies) - 1)
        bodies[piece.shard] = bodies.get(piece.shard, b"") + piece.body
    return list(bodies.values())


def records(bodies):
    return [body.count(b"\n") for body in bodies]


@given(
    st.lists(st.integers(1, 50), max_size=200),
    st.integers(50, 300),
    st.integers(1, 5),
    st.none() | st.integers(1, 20),
    st.integers(1, 10),
)
def test_shards_keep_every_line_in_order_within_their_limits(
    sizes, max_bytes, min_count, max_records, lines_a_block
):
    given_blocks = blocks(sizes, lines_a_block)
    bodies = cut_up(given_blocks, max_bytes=max_bytes, min_count=min_count, max_records=max_records)
    assert b"".join(bodies) == b"".join(given_blocks)
    assert all(bodies)
    assert len(bodies) >= min(min_count, len(sizes))
    assert all(len(body) <= max_bytes for body in bodies)
    assert all(count <= (max_records or count) for count in records(bodies))


@given(
    st.lists(st.integers(1, 50), max_size=200),
    st.integers(1, 10),
    st.integers(1, 10),
)
def test_cuts_do_not_depend_on_the_blocks_in_which_lines_come(sizes, one_way, another_way):
    limits = {"max_bytes": 100, "min_count": 2}
    once = cut_up(blocks(sizes, one_way), **limits)
    assert cut_up(blocks(sizes, another_way), **limits) == once


def test_a_small_partition_is_spread_evenly():
    assert records(cut_up(blocks([10] * 7), max_bytes=1000, min_count=3)) == [2, 2, 3]


@pytest.mark.parametrize("lines_a_block", [1, 3, 1000])
def test_a_large_partition_begins_with_small_shards_and_none_passes_max_bytes(
    monkeypatch, lines_a_block
):
    monkeypatch.setattr(shards, "_HELD_BYTES", 200)
    bodies = cut_up(blocks([10] * 1000, lines_a_block), max_bytes=900, min_count=2)
    assert b"".join(bodies) == b"".join(blocks([10] * 1000))
    assert records(bodies[:4]) == [10, 11, 10, 10], "just more than 200 bytes are held"
    sizes = [len(body) for body in bodies[2:-1]]
    assert sizes == sorted(sizes)
    assert max(sizes) == 900
    # No instance of two has much more to do, if each takes the next shard when it is done.
    assert max(sizes) <= 10_000 / 2 / 4


@pytest.mark.parametrize("lines_a_block", [1, 7])
def test_a_line_longer_than_a_shard_may_be_is_a_shard_by_itself(lines_a_block):
    long = [10] * 30 + [300] + [10] * 30
    bodies = cut_up(blocks(long, lines_a_block), max_bytes=100, min_count=1)
    assert b"".join(bodies) == b"".join(blocks(long))
    assert [len(body) for body in bodies if len(body) > 100] == [300]


@pytest.mark.parametrize(
    ("lines", "limits", "made"),
    [
        ([10] * 11, {"max_bytes": 100}, [10, 1]),
        # lines of which each is its line feed alone
        ([1] * 25, {"max_bytes": 10}, [10, 1, 10, 4]),
    ],
)
def test_a_shard_is_filled_to_its_last_byte(lines, limits, made):
    assert records(cut_up(blocks(lines, 5), min_count=1, **limits)) == made


@pytest.mark.parametrize(
    ("sizes", "most", "made"),
    [([10] * 1000, 409, [409, 409, 182]), ([5000], 5, [1]), ([10, 5000, 10], 2, [2, 1])],
)
def test_lines_are_counted_as_well_where_they_are_longer_than_what_is_looked_at(sizes, most, made):
    assert 409 * 10 < shards._WINDOW_BYTES < 410 * 10
    assert records(cut_up(blocks(sizes, len(sizes)), max_records=most)) == made


@pytest.mark.parametrize("sizes", [[[100]] * 7, [[100], [50, 1, 1], [1, 1, 1]]])
def test_of_a_few_long_lines_no_more_are_held_than_there_are_to_be_shards(monkeypatch, sizes):
    monkeypatch.setattr(shards, "_HELD_BYTES", 40)
    given_blocks = [b"".join(blocks(each)) for each in sizes]
    made = records(cut_up(given_blocks, max_bytes=900, min_count=5))
    assert made[:5] == [1] * 5


def test_no_shard_is_larger_than_a_part_of_what_went_before(monkeypatch):
    monkeypatch.setattr(shards, "_HELD_BYTES", 200)
    sizes = list(map(len, cut_up(blocks([10] * 1000), max_bytes=900, min_count=2)))
    for number in range(2, len(sizes)):  # the first two are what is held, in equal parts
        assert sizes[number] <= max(200 / 2, sum(sizes[:number]) / (4 * 2))
    assert sum(sizes) == 10_000


@pytest.mark.parametrize("limits", [{"max_records": 25}, {"min_count": 5000}])
def test_cutting_takes_time_in_proportion_to_the_lines(limits):
    given_blocks = blocks([100] * 150_000, 2_500)
    start = time.process_time()
    bodies = cut_up(given_blocks, **limits)
    assert time.process_time() - start < 5  # where each cut looks at all that follows, 30 and more
    assert len(bodies) >= 5_000


def test_no_line_gives_no_shard():
    assert cut_up([], max_bytes=100) == []
