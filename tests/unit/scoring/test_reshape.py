from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from batch_transform.scoring.errors import ConfigurationError, SourceError
from batch_transform.scoring.kinds import Column
from batch_transform.scoring.records import encoder as records
from batch_transform.scoring.sources.protocol import Table, encoded
from batch_transform.scoring.sources.reshape import Reshape, load, problems

NOON = datetime(2013, 6, 1, 12, 30, 0, 5, tzinfo=UTC)
EVERYTHING = (
    ("number", 2**53 + 1),
    ("large", 2**70),
    ("exact", Decimal("0.1000")),
    ("ratio", 0.1),
    ("not_a_number", float("nan")),
    ("flag", True),
    ("day", date(2013, 6, 1)),
    ("moment", NOON),
    ("words", "häß \ud83d 🍏"),
    ("nested", {"a": [1, None]}),
)


@pytest.fixture
def reshaped(tmp_path):
    """The rows of a table after a function, and the names of their columns."""

    def reshaped(source, columns, rows):
        (tmp_path / "reshape.py").write_text(source)
        known = (each if isinstance(each, Column) else Column(name=each) for each in columns)
        table = Table(columns=tuple(known), rows=iter(rows))
        found = Reshape(tmp_path / "reshape.py")(table)
        return [column.name for column in found.columns], list(found.rows)

    return reshaped


def test_what_is_not_touched_stays_itself_beside_nulls(reshaped):
    columns = ["row_id", *(name for name, _ in EVERYTHING)]
    rows = [(1, *(value for _, value in EVERYTHING)), (2, *[None] * len(EVERYTHING))]
    names, found = reshaped("def reshape(frame):\n    return frame\n", columns, rows)
    assert names == columns
    assert repr(found) == repr(rows)  # repr tells 1 from 1.0 and True, and NaN is itself


def test_rows_may_be_dropped_and_features_computed(reshaped):
    source = (
        "def reshape(frame):\n"
        "    frame['is_heavy'] = frame['weight'] > 1\n"
        "    frame['double'] = frame['count'] * 2\n"
        "    return frame[frame['colour'] != 'brown'][['apple_id', 'is_heavy', 'double']]\n"
    )
    rows = [(1, 1.5, 2**53 + 1, "red"), (2, 0.5, None, "brown"), (3, None, None, "red")]
    names, found = reshaped(source, ["apple_id", "weight", "count", "colour"], rows)
    assert names == ["apple_id", "is_heavy", "double"]
    assert found == [(1, True, 2**54 + 2), (3, None, None)]
    assert type(found[0][1]) is bool


def test_values_of_numpy_become_pythons(reshaped):
    source = (
        "import numpy as np, pandas as pd\n"
        "def reshape(frame):\n"
        "    frame['f'] = np.array([1.5, np.nan])\n"
        "    frame['i'] = np.arange(2)\n"
        "    frame['t'] = pd.to_datetime(['2013-06-01T12:30:00.000005Z', None])\n"
        "    return frame\n"
    )
    _, found = reshaped(source, ["apple_id"], [(1,), (2,)])
    assert found[0] == (1, 1.5, 0, NOON)
    assert [type(value) for value in found[0]] == [int, float, int, datetime]
    assert found[1][3] is None


def test_all_rows_may_be_dropped(reshaped):
    source = "def reshape(frame):\n    return frame.iloc[:0]\n"
    assert reshaped(source, ["apple_id"], [(1,), (2,)]) == (["apple_id"], [])


def test_nanoseconds_are_refused_and_not_cut(make_jsonl_pipeline, tmp_path):
    (tmp_path / "reshape.py").write_text(
        "import pandas as pd\n"
        "def reshape(frame):\n"
        "    moment = pd.Timestamp('2013-06-01T12:30:00.000000001Z')\n"
        "    return frame.assign(weight=moment, colour='')\n"
    )
    table = Table(columns=(Column(name="apple_id"),), rows=iter([(7,)]))
    with pytest.raises(SourceError, match="apple_id=7: column weight holds a timestamp finer than"):
        encoded(Reshape(tmp_path / "reshape.py")(table), make_jsonl_pipeline())


def test_a_column_that_begins_with_nulls_has_the_type_that_its_source_knows(reshaped, monkeypatch):
    monkeypatch.setattr(records, "CHUNK_ROWS", 1)
    source = "def reshape(frame):\n    return frame.assign(kind=str(frame['count'].dtype))\n"
    columns = (Column(name="count", kind="integer"),)
    _, rows = reshaped(source, columns, [(None,), (1,)])
    assert rows == [(None, "Int64"), (1, "Int64")]


def test_what_pandas_counts_as_missing_is_null(reshaped):
    source = (
        "import pandas as pd\n"
        "def reshape(frame):\n"
        "    some = frame['apple_id'] > 1\n"
        "    return frame.assign(\n"
        "        word=pd.Series(['a', 'b']).where(some), number=frame['apple_id'].where(some),\n"
        "        flag=some.where(some), moment=pd.Series([None, pd.Timestamp('2013-06-01T00Z')]),\n"
        "        thing=pd.Series([pd.NA, 'b'], dtype='category'),\n"
        "    )\n"
    )
    _, rows = reshaped(source, ["apple_id"], [(1,), (2,)])
    assert rows[0] == (1, None, None, None, None, None)
    assert rows[1] == (2, "b", 2, True, datetime(2013, 6, 1, tzinfo=UTC), "b")
    assert [type(value) for value in rows[1]] == [int, str, int, bool, datetime, str]


def test_chunks_are_reshaped_one_by_one(reshaped, monkeypatch):
    monkeypatch.setattr(records, "CHUNK_ROWS", 2)
    source = (
        "def reshape(frame):\n    return frame.assign(size=len(frame)).astype({'size': 'Int64'})\n"
    )
    _, found = reshaped(source, ["apple_id"], [(1,), (2,), (3,)])
    assert found == [(1, 2), (2, 2), (3, 1)]


def test_no_rows_need_no_function(reshaped):
    assert reshaped("def reshape(frame):\n    1 / 0\n", ["apple_id"], []) == ([], [])


def test_no_rows_to_compute_features_of_are_an_empty_partition(make_pipeline, tmp_path):
    (tmp_path / "reshape.py").write_text("def reshape(frame):\n    1 / 0\n")
    table = Table(columns=(Column(name="apple_id"), Column(name="grams")), rows=iter(()))
    lines = encoded(Reshape(tmp_path / "reshape.py")(table), make_pipeline())
    assert list(lines.blocks) == []
    assert [column.name for column in lines.final_columns()] == ["apple_id", "weight", "colour"]


def test_a_value_of_no_kind_is_refused_with_its_column_and_place(reshaped):
    rows = [(1, "a"), (2, b"secret")]
    with pytest.raises(SourceError, match="Column word holds") as found:
        reshaped("def reshape(frame):\n    return frame\n", ["apple_id", "word"], rows)
    assert "a value of type bytes" in str(found.value)
    assert "row 2 of chunk 1" in str(found.value)
    assert "secret" not in str(found.value)


def test_an_error_names_the_chunk_the_file_and_the_line_but_no_value(reshaped, monkeypatch):
    monkeypatch.setattr(records, "CHUNK_ROWS", 1)
    source = "def reshape(frame):\n    frame['word'].astype(int)\n    return frame\n"
    with pytest.raises(
        SourceError, match=r"reshape\.py:2 failed on chunk 2 of the rows: Val"
    ) as no:
        reshaped(source, ["word"], [("1",), ("secret",)])
    assert "secret" not in str(no.value)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("return None", "returned NoneType for chunk 1"),
        ("return __import__('pandas').DataFrame([])", "returned a frame without columns for chunk"),
        ("return frame[[]]", "returned a frame without columns for chunk 1"),
        (
            "return frame if frame.word[0] == '1' else frame.iloc[:, :0].assign(x=1)",
            "other columns",
        ),
    ],
)
def test_a_result_that_is_no_frame_of_the_same_columns_is_refused(
    reshaped, monkeypatch, body, complaint
):
    monkeypatch.setattr(records, "CHUNK_ROWS", 1)
    with pytest.raises(SourceError, match=complaint):
        reshaped(f"def reshape(frame):\n    {body}\n", ["word"], [("1",), ("2",)])


@pytest.mark.parametrize(
    "source",
    [
        "def reshape(frame):\n    return frame\n",
        "import nothing_of_the_kind\n\nreshape = nothing_of_the_kind.reshape\n",
        "from elsewhere import reshape\n",
        "from elsewhere import change as reshape\n",
        "try:\n    from fast import reshape\nexcept ImportError:\n    reshape = None\n",
        "if True:\n    def reshape(frame):\n        return frame\n",
        "class Reshape:\n    pass\n\nreshape: object = Reshape()\n",
        "raise SystemExit\n\n\ndef reshape(frame):\n    return frame\n",
    ],
)
def test_a_file_that_could_be_imported_has_no_problem_and_is_not_run(tmp_path, source):
    (tmp_path / "reshape.py").write_text(source)
    assert list(problems(tmp_path / "reshape.py")) == []


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("x = 1\nreshape = 1 +\n", "line 2: invalid syntax"),
        ("def reshape(frame):\nreturn frame\n", "line 2: expected an indented block"),
        ("", "does not define reshape(frame: pandas.DataFrame) -> pandas.DataFrame"),
        ("def other(frame):\n    def reshape(frame):\n        pass\n", "does not define reshape"),
        ("class A:\n    def reshape(frame):\n        pass\n", "does not define reshape"),
        ("print(reshape)\n", "does not define reshape"),
    ],
)
def test_a_file_without_the_function_has_a_problem(tmp_path, source, problem):
    (tmp_path / "reshape.py").write_text(source)
    (found,) = problems(tmp_path / "reshape.py")
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("reshape = 1 +\n", "SyntaxError"),
        ("import nothing_of_the_kind\n", r"reshape\.py:1 cannot be imported: ModuleNotFoundError"),
        ("def other(frame):\n    return frame\n", "AttributeError"),
    ],
)
def test_a_file_that_cannot_be_imported_is_named(reshaped, source, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        reshaped(source, ["apple_id"], [])


def test_a_function_is_of_a_python_file(tmp_path):
    (tmp_path / "reshape.txt").write_text("def reshape(frame):\n    return frame\n")
    with pytest.raises(ConfigurationError, match=r"reshape\.txt cannot be imported; is it a Pyth"):
        load(tmp_path / "reshape.txt")
