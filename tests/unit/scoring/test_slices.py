import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.pipeline import Extract
from batch_transform.scoring.sources.slices import slices
from batch_transform.scoring.testing import RowsSource

INTEGERS = st.integers(-(2**63), 2**63 - 1)
BY_REMAINDER = st.builds(Extract, slices=st.integers(2, 7))


def ranges(boundaries):
    several = st.lists(boundaries, min_size=1, max_size=6, unique=True).map(sorted)
    return st.builds(Extract, ranges=several)


def slices_of(cut, identity):
    return [part.number for part in slices(cut) if part.has(identity)]


@given(st.one_of(BY_REMAINDER, ranges(INTEGERS)), st.one_of(st.none(), INTEGERS))
def test_each_integer_and_null_is_in_one_slice(cut, identity):
    assert len(slices_of(cut, identity)) == 1


@given(ranges(st.text(st.characters(exclude_characters="\0"), min_size=1)), st.text())
def test_each_text_is_in_one_slice(cut, identity):
    assert len(slices_of(cut, identity)) == 1


def test_ids_are_cut_by_their_remainder_or_by_ranges():
    by_remainder, by_ranges = Extract(slices=4), Extract(ranges=(10, 20))
    assert [slices_of(by_remainder, identity) for identity in (-5, -4, 7, 8, None)] == [
        [3], [0], [3], [0], [0],
    ]  # fmt: skip
    assert [slices_of(by_ranges, identity) for identity in (-5, 9, 10, 19, 20, None)] == [
        [0], [0], [1], [1], [2], [0],
    ]  # fmt: skip


@pytest.mark.parametrize("settings", [{}, {"slices": 1}])
def test_one_slice_is_none(settings):
    assert slices(Extract(**settings)) == ()


def test_a_slice_says_which_ids_it_has():
    assert slices(Extract(slices=3))[1].label == "ids that are 1 modulo 3"
    assert [part.label for part in slices(Extract(ranges=(10, 20)))] == [
        "ids below 10",
        "ids from 10 to below 20",
        "ids from 20 on",
    ]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"slices": 2, "ranges": [1]}, "give either slices or ranges"),
        ({"slices": 0}, "greater than or equal to 1"),
        ({"slices": 101}, "less than or equal to 100"),
        ({"ranges": []}, "at least 1 item"),
        ({"ranges": [2, 1]}, "must ascend, but 1 comes after 2"),
        ({"ranges": ["b", "b"]}, "must ascend, but 'b' comes after 'b'"),
        ({"ranges": [1, "b"]}, "mixes integers and texts"),
        ({"ranges": [1.5]}, "must be an id"),
        ({"ranges": [True]}, "must be an id"),
        ({"ranges": [2**63]}, "must be an id"),
        ({"ranges": ["a\0"]}, "must be an id"),
    ],
)
def test_a_cut_that_makes_no_sense_is_refused(settings, problem):
    with pytest.raises(ValidationError, match=problem):
        Extract.model_validate(settings)


def test_shards_that_are_copied_are_no_larger_than_s3_copies(make_pipeline):
    make_pipeline(shards={"max_bytes": "6GB"})
    with pytest.raises(ValidationError, match="is 6000000000 but the shards of slices"):
        make_pipeline(shards={"max_bytes": "6GB"}, extract={"slices": 2})


@pytest.mark.parametrize(
    ("cut", "identity", "cure"),
    [
        ({"slices": 2}, "a", "only ids that are integer: give texts as extract.ranges"),
        ({"ranges": [1]}, "a", "only ids that are integer: give texts as extract.ranges"),
        ({"ranges": ["a"]}, 1, "only ids that are text: use extract.slices, or integers"),
        ({"slices": 2}, 1.5, "The id column apple_id is float.*: cast it in the query"),
    ],
)
def test_ids_of_another_kind_are_refused_with_what_would_do(
    make_pipeline, objects, layout, partition, cut, identity, cure
):
    rows = [(identity, 0.5, "red")]
    part = slices(Extract.model_validate(cut))[0]
    source = RowsSource(["apple_id", "weight", "colour"], rows, part)
    with pytest.raises(SourceError, match=cure):
        extract(make_pipeline(), partition, source, objects, layout)
