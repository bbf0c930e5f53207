"""The lines of an output, one by one."""

import pytest

from batch_transform.scoring.outputs.replies import (
    BadReply,
    Miscounted,
    ShardWrong,
    is_batch_of_one,
    lines_of,
    of_one_record,
    of_one_width,
    of_width,
    parsed,
    read_reply,
    unbatched,
    width_problem,
)
from batch_transform.scoring.outputs.shape import Shape
from batch_transform.scoring.pipeline import Prediction

LONG = "x" * 140_000  # more than Python's reader takes by itself


def a_shape(*places, **changes):
    facts = {
        "sent": "csv",
        "answered": "csv",
        "joined": False,
        "whole": True,
        "columns": ("apple_id", "weight", "colour"),
        "ids": 1,
        "predictions": {f"p{n}": Prediction(at=at) for n, at in enumerate(places)},
    }
    return Shape(**{**facts, **changes})


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("", [""]),
        ("1,,a", ["1", "", "a"]),
        ('"a, ""b""",2', ['a, "b"', "2"]),
        (f'"{LONG},""b""",2', [f'{LONG},"b"', "2"]),
        (f'"{LONG},",2', [f"{LONG},", "2"]),
        (f"{LONG},2", [LONG, "2"]),
    ],
)
def test_a_row_of_any_length_is_read_as_its_fields(line, fields):
    assert parsed(line.encode(), 1, "csv") == fields


@pytest.mark.parametrize(
    ("line", "form"),
    [
        (b'1,"2', "csv"),
        (f'"{LONG},2'.encode(), "csv"),
        (b"\xff", "csv"),
        (b"\xff", "jsonl"),
        (b"{", "jsonl"),
        (b"[" * 200_000, "jsonl"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(line, form):
    with pytest.raises(ShardWrong, match=f"line 7 cannot be read as {form}: "):
        parsed(line, 7, form)


def test_of_equal_keys_the_first_counts():
    assert parsed(b'{"a":{"b":1,"b":2},"a":3}', 1, "jsonl") == {"a": {"b": 1}}


def test_a_line_that_cannot_be_read_costs_its_record_or_where_it_is_joined_the_shard():
    reply = read_reply(b'"', 3, a_shape(0))
    assert (type(reply), reply.fields) == (BadReply, ())
    assert reply.reason.startswith("line 3 cannot be read as csv: ")
    with pytest.raises(ShardWrong, match="line 3"):
        read_reply(b'"', 3, a_shape(0, joined=True))


def test_a_line_feed_at_the_very_end_ends_no_line(tmp_path):
    path = tmp_path / "output"
    for body, lines in ((b"", []), (b"1\n\n2", [b"1", b"", b"2"]), (b"1\r\n", [b"1\r"])):
        path.write_bytes(body)
        assert list(lines_of(path)) == lines


def test_rows_are_held_to_the_width_of_most():
    rows = [["1", "2"], ["3"], BadReply("odd"), ["4", "5"]]
    odd = BadReply("the answer has 1 fields, but others have 2", ["3"])
    assert of_one_width(rows, a_shape(0)) == [["1", "2"], odd, BadReply("odd"), ["4", "5"]]
    assert of_one_width([BadReply("odd")], a_shape(5)) == [BadReply("odd")]
    with pytest.raises(ShardWrong, match="a row has 2 fields"):
        of_one_width(rows, a_shape(2))


def test_a_row_of_the_width_is_left_as_it_is():
    assert of_width(["1"], 1) == ["1"]
    assert of_width(BadReply("odd", ["1", "2"]), 1) == BadReply("odd", ["1", "2"])


@pytest.mark.parametrize(
    ("shape", "width", "wrong"),
    [
        (a_shape(0, 1), 2, None),
        (a_shape(0, 2), 2, "p1"),
        (a_shape(-2), 2, None),
        (a_shape(-3), 2, "p0"),
        # behind the record's own fields
        (a_shape(3, joined=True), 4, None),
        (a_shape(2, joined=True), 4, "p0"),
        (a_shape(-1, joined=True), 3, "p0"),
        (a_shape(1, joined=True, whole=False), 2, None),
        (a_shape(0, joined=True, whole=False), 2, "p0"),
    ],
)
def test_a_prediction_lies_in_the_row_and_behind_the_record(shape, width, wrong):
    problem = width_problem(width, shape)
    assert problem is None if wrong is None else f" so {wrong} is not at " in problem


def test_as_many_replies_as_records_are_one_each():
    assert unbatched([[1], 2, [3, 4]], 3, a_shape("$")) == [1, 2, [3, 4]]
    assert unbatched([[1, 2], [3]], 3, a_shape("$")) == [1, 2, 3]
    assert unbatched([[1, 2], 3], 3, a_shape("$")) == [[1, 2], 3]


@pytest.mark.parametrize("replies", [[[1, 2], [3, 4]], [[1], [2]], [[1, 2, 3], []]])
def test_lists_of_other_counts_than_records_are_miscounted(replies):
    total = sum(map(len, replies))
    words = f"it has 3 records, but its output has 2 lists with {total} entries"
    with pytest.raises(Miscounted, match=words):
        unbatched(replies, 3, a_shape("$"))


@pytest.mark.parametrize(
    ("at", "reply", "one"),
    [
        ("$", [0.5], 0.5),
        ("$", [0.5, 0.6], [0.5, 0.6]),
        ("$", 0.5, 0.5),
        ("score", [{"score": 1}], {"score": 1}),
        ("[0]", [0.5], [0.5]),
        ("[0]", [[0.5]], [0.5]),
        ("[0][0]", [[0.5]], [[0.5]]),
        ("[1]", [[0.5, 0.6]], [0.5, 0.6]),
    ],
)
def test_a_batch_of_one_is_told_from_a_reply_that_is_a_list(at, reply, one):
    assert of_one_record(reply, a_shape(at)) == one


def test_one_prediction_that_is_no_value_shows_a_batch_of_one():
    assert is_batch_of_one([[0.5, 0.6]], a_shape("[0][1]", "[1]"))
    assert not is_batch_of_one([[0.5, 0.6]], a_shape("[0][1]", "[0][0]"))
    assert not is_batch_of_one([[0.5], [0.6]], a_shape("[2]"))
    assert not is_batch_of_one([0.5], a_shape("[2]"))
    assert not is_batch_of_one({"a": [1]}, a_shape("[2]"))
