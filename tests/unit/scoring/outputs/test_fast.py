"""The fast reader takes only what the slow one reads without complaint, and reads the same."""

import csv
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch_transform.scoring.outputs import fast
from batch_transform.scoring.outputs.answers import Misfit, read_answers, read_lines
from batch_transform.scoring.outputs.coverage import Part
from batch_transform.scoring.outputs.fetch import Fetched
from batch_transform.scoring.outputs.id_proof import id_values
from batch_transform.scoring.outputs.replies import ShardWrong
from batch_transform.scoring.outputs.shape import Shape
from batch_transform.scoring.outputs.staged import Staged, StagedColumn
from batch_transform.scoring.pipeline import Prediction
from tests.factories import a_shard
from tests.unit.scoring.outputs.partitions import rows_of

KINDS = ("double", "bigint", "text", "boolean")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=8)
MORE = st.sampled_from([[], [], [], ["x"], ["1", ""]])  # fields too many
ANY_TEXTS = st.text(max_size=8)  # halves of surrogate pairs too
ODD = st.sampled_from(
    ["", " 1", "1_0", "1.5", "2.0", "1e5", "nan", "inf", "-0", "0x1f", "TRUE",
     "9223372036854775808", "9007199254740993", "1e400", "null", "ERROR"]
)  # fmt: skip
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = NUMBERS | st.booleans() | st.none() | ODD
PREDICTIONS = st.builds(
    Prediction,
    at=st.just(0),
    type=st.sampled_from(KINDS),
    nullable=st.booleans(),
) | st.builds(
    Prediction,
    at=st.just(0),
    type=st.sampled_from(["double", "bigint"]),
    min=st.floats(-1e6, 0) | st.integers(-(2**53), 0),
    max=st.floats(0, 1e6) | st.integers(0, 2**53),
    nullable=st.booleans(),
)


def a_field(value):
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def csv_line(fields):
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(fields)
    return buffer.getvalue().encode()


def both(tmp_path, shape, sent, answered, columns):
    """The lines that the fast reader leaves, None for the whole shard; what it gives with them; and
    what the slow one gives.
    """
    shard = a_shard("part", records=len(sent))
    part = Part(sent=shard, sent_at="", answered_at="", shard="part")
    files = Fetched(
        part=part, sent=tmp_path / "sent", answered=tmp_path / "answered", lines=len(answered)
    )
    files.sent.write_bytes(b"".join(sent))
    files.answered.write_bytes(b"".join(answered))
    staged = Staged(tmp_path, columns)
    try:
        left = fast.stage_right(staged, files, shape)
        if left is None:
            return None, None, None
        found = staged_with(staged, read_lines(files, shape, left), 0)
        slow = staged_with(staged, read_answers(files, shape), staged.count())
    except ShardWrong as problem:
        return list(left.lines), found, str(problem)
    finally:
        staged.close()
    return list(left.lines), found, slow


def staged_with(staged, answers, before):
    """The rows staged from a place on, these answers among them, in any order; and the misfits."""
    answers = list(answers)
    rows = [answer for answer in answers if not isinstance(answer, Misfit)]
    staged.add_rows((*id_values(each, staged.columns[:1]), *values) for each, values in rows)
    misfits = [answer for answer in answers if isinstance(answer, Misfit)]
    return sorted(rows_of(staged)[before:], key=repr), misfits


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fast")


@given(
    rows=st.lists(st.tuples(TEXTS, VALUES | TEXTS, MORE), min_size=1, max_size=5), each=PREDICTIONS,
    joined=st.booleans(),
)  # fmt: skip
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_csv_is_read_alike(folder, rows, each, joined):
    each = each.model_copy(update={"at": -1})
    shape = Shape(
        sent="csv", answered="csv", joined=joined, whole=True, columns=("id", "weight"), ids=1,
        predictions={"score": each},
    )  # fmt: skip
    columns = [
        StagedColumn(name="id", type="text"),
        StagedColumn(name="score", type=each.type, nullable=True),
    ]
    sent = [csv_line([name, "1"]) for name, *_ in rows]
    answered = [
        csv_line([*([name, "1"] if joined else []), *more, a_field(value)])
        for name, value, more in rows
    ]
    _, found, slow = both(folder, shape, sent, answered, columns)
    assert found == slow


@given(
    rows=st.lists(
        st.tuples(ANY_TEXTS, VALUES | ANY_TEXTS, st.integers(0, 2)), min_size=1, max_size=5
    ),
    each=PREDICTIONS, joined=st.booleans(), path=st.sampled_from(["$", "a", "a[0]", "[1]"]),
)  # fmt: skip
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_json_lines_are_read_alike(folder, rows, each, joined, path):
    each = each.model_copy(update={"at": path})
    shape = Shape(
        sent="jsonl", answered="jsonl", joined=joined, whole=True, columns=("id", "weight"), ids=1,
        predictions={"score": each},
    )  # fmt: skip
    columns = [
        StagedColumn(name="id", type="text"),
        StagedColumn(name="score", type=each.type, nullable=True),
    ]
    build = {
        "$": lambda v: v,
        "a": lambda v: {"a": v},
        "a[0]": lambda v: {"a": [v]},
        "[1]": lambda v: [0, v],
    }[path]
    sent = [(json.dumps({"id": name}) + "\n").encode() for name, *_ in rows]
    answered = [
        json.dumps({"SageMakerOutput": build(value), "id": name})
        if joined
        else ("[" * batches + json.dumps(build(value)) + "]" * batches)
        for name, value, batches in rows
    ]
    _, found, slow = both(folder, shape, sent, [f"{x}\n".encode() for x in answered], columns)
    assert found == slow


@pytest.mark.parametrize(
    ("score", "lines", "value"),
    [("1", [], 1.0), ("2", [2], None), ("ERROR", [2], None), ("\N{FULLWIDTH DIGIT ONE}", [2], 1.0)],
)
def test_a_value_that_is_unusual_costs_its_line_alone(folder, score, lines, value):
    """Else the properties above would hold of a reader that leaves everything."""
    shape = Shape(
        sent="csv", answered="csv", joined=True, whole=True, columns=("id", "weight"), ids=1,
        predictions={"score": Prediction(at=-1, min=0, max=1)},
    )  # fmt: skip
    columns = [StagedColumn(name="id", type="bigint"), StagedColumn(name="score", type="double")]
    sent = [b"1,a\n", b'9007199254740993,"x,y"\n']
    answered = [b"1,a,0.1\n", f'9007199254740993,"x,y",{score}\n'.encode()]
    left, found, slow = both(folder, shape, sent, answered, columns)
    assert (left, found) == (lines, slow)
    rows, misfits = found
    assert rows == [(1, 0.1), *([] if value is None else [(9007199254740993, value)])]
    assert [misfit.line for misfit in misfits] == ([2] if value is None else [])


SCORES = Shape(
    sent="csv", answered="csv", joined=True, whole=True, columns=("id", "weight"), ids=1,
    predictions={"score": Prediction(at=-1)},
)  # fmt: skip
COLUMNS = [StagedColumn(name="id", type="text"), StagedColumn(name="score", type="double")]
RIGHT = [b"a,1,0.1\n", b'"b, c",1,0.2\n', b"d,1,0.3\n", b"\xc3\xa4,1,0.4\n", b"f,1,0.5\n"]
SENT = [b"a,1\n", b'"b, c",1\n', b"d,1\n", b"\xc3\xa4,1\n", b"f,1\n"]


@pytest.mark.parametrize(
    ("line", "odd", "reason"),
    [
        (0, b"a,1,x,0.1\n", "the answer has 4 fields, but others have 3"),
        (2, b"d,1\n", "the answer has 2 fields, but others have 3"),
        (4, b"f,1,busy, try again\n", "the answer has 4 fields, but others have 3"),
        (3, b"\xc3\xa4,1,0.4,\n", "the answer has 4 fields, but others have 3"),
        (1, b'"b, c",1,x,0.2\n', "the answer has 4 fields, but others have 3"),
    ],
)
def test_a_row_of_another_width_costs_its_line_alone(folder, line, odd, reason):
    answered = [*RIGHT[:line], odd, *RIGHT[line + 1 :]]
    left, found, slow = both(folder, SCORES, SENT, answered, COLUMNS)
    assert (left, found) == ([line + 1], slow)
    assert [(misfit.line, misfit.reason) for misfit in found[1]] == [(line + 1, reason)]
    assert len(found[0]) == 4


def test_rows_of_two_widths_are_left_to_the_slow_reader(folder):
    answered = [*RIGHT[:2], b"d,1,x,0.3\n", b"\xc3\xa4,1,x,0.4\n"]
    assert both(folder, SCORES, SENT[:4], answered, COLUMNS) == (None, None, None)


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_carriage_returns_at_the_ends_of_lines_cost_nothing(folder, end):
    answered = [line.replace(b"\n", end) for line in RIGHT]
    left, found, slow = both(folder, SCORES, SENT, answered, COLUMNS)
    assert (left, found, len(found[0])) == ([], slow, 5)


REPLIES = Shape(
    sent="jsonl", answered="jsonl", joined=False, whole=True, columns=("id",), ids=1,
    predictions={"score": Prediction(at="$", type="text")},
)  # fmt: skip
TEXT = [StagedColumn(name="id", type="text"), StagedColumn(name="score", type="text")]


@pytest.mark.parametrize("line", [0, 1])
@pytest.mark.parametrize("odd", [b"ERROR\n", b'"\\ud83d"\n', b'"\xff"\n', b'"\\u0000"\n'])
def test_a_reply_that_cannot_be_read_costs_its_line_wherever_it_is(folder, line, odd):
    sent = [b'{"id":"%d"}\n' % number for number in range(3)]
    answered = [b'"x"\n', b'"\xc3\xa4\\r\\n\\u2028"\n', b'"z"\n']
    answered[line] = odd
    left, found, slow = both(folder, REPLIES, sent, answered, TEXT)
    assert found == slow
    if odd == b'"\xff"\n':
        assert left is None  # the file is not UTF-8
    else:
        assert left == [line + 1]
        assert [misfit.id for misfit in found[1]] == [(str(line),)]


def test_a_leading_byte_order_mark_is_part_of_the_first_id(folder):
    sent, answered = [b"\xef\xbb\xbfa,1\n"], [b"\xef\xbb\xbfa,1,0.1\n"]
    assert both(folder, SCORES, sent, answered, COLUMNS)[0] is None
