"""Spans are cut into neighbours that are nearly equal."""

from hypothesis import given
from hypothesis import strategies as st

from batch_transform.scoring.recovery.spans import Span, spans_of


@given(st.integers(0, 9), st.integers(0, 1000), st.integers(1, 500), st.integers(1, 600))
def test_pieces_are_neighbours_of_nearly_one_size_and_are_the_whole(shard, first, records, parts):
    pieces = list(Span(shard=shard, first=first, records=records).cut(parts))
    assert len(pieces) == min(parts, records)
    assert {piece.shard for piece in pieces} == {shard}
    after = first
    for piece in pieces:
        assert piece.first == after
        after += piece.records
    assert after == first + records
    sizes = {piece.records for piece in pieces}
    assert min(sizes) >= 1
    assert max(sizes) - min(sizes) <= 1


def test_a_whole_shard_is_a_span_from_its_first_record_on():
    assert spans_of([3, 0]) == [Span(0, 0, 3), Span(1, 0, 0)]
