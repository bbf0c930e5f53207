"""The readers of what others write: what was found before, and some inputs of every shape."""

import pytest

from batch_transform.scoring.errors import ObjectDamaged
from batch_transform.scoring.extract.index import ExtractIndex
from tests.chaos.inputs import READERS, fuzz, kept, problem

INPUTS = 400


@pytest.mark.parametrize("reader", READERS)
def test_what_a_reader_is_to_read_it_reads(reader):
    read, body = READERS[reader]
    read(body)


@pytest.mark.parametrize("reader", READERS)
def test_what_has_broken_a_reader_breaks_it_no_more(reader):
    assert [problem(reader, body) for body in kept(reader)] == [""] * len(kept(reader))


@pytest.mark.parametrize("reader", READERS)
def test_any_input_gives_a_result_or_an_error_of_the_package(reader):
    assert list(fuzz(reader, INPUTS, seed=7)) == []


def test_an_object_of_a_run_that_is_something_else_says_what_to_do():
    with pytest.raises(
        ObjectDamaged,
        match="left as its ExtractIndex is something else by now .*then clear extract",
    ):
        ExtractIndex.from_json(b'{"pipeline": 5}')
