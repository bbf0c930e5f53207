"""Outputs that DuckDB would not read, with every row as wide as the others."""

import pytest

from batch_transform.scoring.outputs.levelled import (
    has_trailing_comma,
    levelled,
    usual_width,
)
from batch_transform.scoring.outputs.shape import Shape


@pytest.fixture
def written(tmp_path):
    def write(body):
        path = tmp_path / "output"
        path.write_bytes(body)
        return path

    return write


@pytest.mark.parametrize(
    ("body", "width"),
    [
        (b"1,2\n", 2),
        (b"1,2\n3\n4,5\n", 2),
        (b'"1,2",3\n"4"\n"5,6",7\n', 2),
        (b"1\n" * 51 + b"1,2\n" * 60, 1),
        (b"1\n" * 49 + b"1,2\n" * 90, 2),
        (b'"open\n', 0),
        (b'"open\n1,2,3\n', 3),
    ],
)
def test_the_usual_width_is_the_commonest_of_the_first_hundred_rows(written, body, width):
    assert usual_width(written(body)) == width


@pytest.mark.parametrize(
    ("body", "trails"),
    [
        (b"1,\n2,3\n", True),
        (b",\n", True),
        (b"1,2\n3,", True),
        (b"1,2\n3,4", False),
        (b"1\n,2\n", 0),
    ],
)
def test_an_empty_field_at_the_end_of_a_line_is_seen(written, body, trails):
    assert has_trailing_comma(written(body)) is bool(trails)


def a_shape(**changes):
    facts = {"sent": "csv", "answered": "csv", "joined": True, "whole": True,
             "columns": ("orchard", "apple"), "ids": 1, "predictions": {}}  # fmt: skip
    return Shape(**{**facts, **changes})


JOINED, ALONE = a_shape(), a_shape(joined=False)


@pytest.mark.parametrize(
    ("shape", "body", "copy", "uneven"),
    [
        (JOINED, b"1,2\n3,4", b"1,2\n3,4\n", []),
        (JOINED, b"1,2\r\n3,4\r\n", b"1,2\n3,4\n", []),
        # another width: the id stays, the rest is empty
        (JOINED, b"1,2\n3\n4,5,6\n7,8\n", b'1,2\n"3",""\n"4",""\n7,8\n', [2, 3]),
        (ALONE, b"1,2\n3\n", b'1,2\n"",""\n', [2]),
        (a_shape(ids=2), b"1,2,3\n", b'"1","2"\n', [1]),
        # commas in quotes are none, and quotes in an id stay
        (JOINED, b'"1,2",3\n"4",5\n', b'"1,2",3\n"4",5\n', []),
        (JOINED, b'"1""2",3,4\n', b'"1""2",""\n', [1]),
        # what cannot be read, though it has as many commas as the others
        (JOINED, b'1,"2\n', b'"",""\n', [1]),
        (JOINED, b"1\r1,2\n", b'"",""\n', [1]),
        (JOINED, b"1,\xff\n", b'"",""\n', [1]),
        (JOINED, "é,ü\n".encode(), "é,ü\n".encode(), []),
        (a_shape(answered="jsonl"), b"[1]\r\n[2,3,4]\n", b"[1]\n[2,3,4]\n", []),
    ],
)
def test_a_row_of_another_width_than_two_keeps_its_id_alone(
    written, tmp_path, shape, body, copy, uneven
):
    assert levelled(written(body), tmp_path / "copy", 2, shape) == uneven
    assert (tmp_path / "copy").read_bytes() == copy
