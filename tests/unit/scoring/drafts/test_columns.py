"""Which columns a file has, and what they are taken for."""

from datetime import date

import pyarrow as pa
import pytest
from pyarrow import parquet

from batch_transform.scoring.drafts.columns import format_of, of_file
from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import Column
from batch_transform.scoring.sources.files.opened import Texts


def kinds(path, **texts):
    return {each.name: each.kind for each in of_file(path, Texts(kinds={}, **texts)).columns}


@pytest.fixture
def written(tmp_path):
    def written(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return written


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2", ""], "integer"),
        (["9007199254740993"], "integer"),
        (["1", "2.5"], "float"),
        (["1e3", "NaN"], "float"),
        (["00501", "10001"], "text"),
        (["0", "0.5"], "float"),
        (["2013-06-01"], "date"),
        (["2013-06-01T12:00:00Z"], "timestamp"),
        (["2013-06-01", "yesterday"], "text"),
        (["true", "false"], "text"),
        (["", ""], "text"),
        ([], "text"),
    ],
)
def test_a_column_of_csv_is_the_first_kind_that_all_its_values_read_as(written, values, kind):
    rows = "".join(f"{value},x\n" for value in values)
    assert kinds(written("a.csv", f"value,other\n{rows}"))["value"] == kind


def test_a_csv_may_have_no_header_and_another_delimiter(written):
    path = written("a.tsv", "1\tred\n2\tgreen\n")
    assert kinds(path, columns=["apple_id", "colour"], delimiter="\t") == {
        "apple_id": "integer",
        "colour": "text",
    }


def test_json_lines_say_what_their_values_are(written):
    path = written(
        "a.jsonl",
        '{"id": 1, "weight": 1, "name": "x", "tags": ["a"], "odd": 1, "none": null}\n'
        '{"id": 2, "weight": 1.5, "ripe": true, "odd": "x"}\n\n',
    )
    assert kinds(path) == {
        "id": "integer",
        "weight": "float",
        "name": "text",
        "tags": "nested",
        "odd": None,
        "none": None,
        "ripe": "boolean",
    }


def test_parquet_has_types_of_its_own(tmp_path):
    table = pa.table({"id": [1], "price": pa.array(["1.5"]).cast(pa.decimal128(9, 2))})
    table = table.append_column("day", pa.array([date(2013, 6, 1)]))
    table = table.append_column("blob", pa.array([b"x"]))
    parquet.write_table(table, tmp_path / "a.parquet")
    assert kinds(tmp_path / "a.parquet") == {
        "id": "integer",
        "price": "decimal",
        "day": "date",
        "blob": None,
    }


def test_the_first_column_that_may_be_an_id_is_one(written):
    found = of_file(written("a.csv", "weight,code,name\n0.5,7,x\n"), Texts(kinds={}))
    assert found.ids() == ("code",)
    assert found.named(["name", "new"]) == (Column(name="name", kind="text"), Column(name="new"))


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.csv", "", "it is empty"),
        ("a.jsonl", "[1]\n", "no object"),
        ("a.xlsx", "x", "does not say what it is"),
        ("a.parquet", "no", "cannot be read as Parquet"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(written, name, text, problem):
    with pytest.raises(SourceError, match=problem):
        kinds(written(name, text))


def test_a_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(SourceError, match="No such file"):
        kinds(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("name", "known"),
    [("A.CSV", "csv"), ("a.csv.gz", "csv"), ("a.ndjson", "jsonl"), ("a.pq", "parquet")],
)
def test_a_name_says_the_format(tmp_path, name, known):
    assert format_of(tmp_path / name) == known


def test_an_empty_file_says_nothing_of_columns_that_a_person_names(written):
    with pytest.raises(SourceError, match=r"a\.csv is empty: nothing says what its columns hold"):
        kinds(written("a.csv", ""), columns=["apple_id", "colour"])
