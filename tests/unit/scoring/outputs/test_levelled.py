"""Outputs that DuckDB would not read, with every row as wide as the others."""

import pytest

from batch_transform.scoring.outputs.levelled import has_trailing_comma, usual_width


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
