"""A new pipeline folder: by flags, by answers, and what is refused."""

from datetime import date, timedelta

import pytest
import yaml

from batch_transform.cli import new as module
from batch_transform.scoring.drafts.columns import Found
from batch_transform.scoring.kinds import Column
from batch_transform.scoring.pipelines import read_pipeline

CSV = "apple_id,weight,colour,picked by\n1,0.5,red,me\n2,1.5,,you\n"
FILES = "s3://lake/apples/{{ partition }}/*.csv"
TABLE = Found(
    columns=(
        Column(name="apple_id", kind="integer"),
        Column(name="picked_at", kind="timestamp"),
        Column(name="weight", kind="float"),
        Column(name="Colour", kind="text"),
        Column(name="photo", source_type="BYTEA"),
        Column(name="tags", kind="nested"),
    ),
    keys=("apple_id",),
)


@pytest.fixture
def root(tmp_path):
    return tmp_path / "pipelines"


@pytest.fixture
def new(invoke, root):
    def new(*flags, answers="", name="apples"):
        return invoke("new", name, "--pipelines", root, *flags, answers=answers)

    return new


@pytest.fixture
def sample(tmp_path):
    path = tmp_path / "apples.csv"
    path.write_text(CSV)
    return path


@pytest.fixture
def database(monkeypatch):
    """A database that knows one table."""
    monkeypatch.setattr(module, "_described", lambda conn_id, table: TABLE)


def test_a_file_becomes_a_valid_folder(new, root, invoke, sample):
    ran = new("--file", sample, "--files", FILES, "--model", "trees", "--owner", "orchard")
    assert (ran.code, ran.err) == (0, "")
    pipeline = read_pipeline(root / "apples")
    assert [(each.name, each.kind) for each in pipeline.contract] == [
        ("apple_id", "integer"),
        ("weight", "float"),
        ("colour", "text"),
    ]
    settings = pipeline.settings
    assert (settings.source.files, settings.source.format) == (FILES, "csv")
    assert (settings.model.name, settings.owner) == ("trees", "orchard")
    assert settings.target.table == "predictions.apples"
    assert settings.start_date == date.today() - timedelta(days=1)
    assert "note: left out of the record: picked by" in ran.out
    assert invoke("check", root).code == 0


def test_the_folder_names_the_schema_that_lies_beside_it(new, root, sample):
    new("--file", sample, "--files", FILES, "--model", "trees")
    first = (root / "apples" / "pipeline.yaml").read_text().partition("\n")[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert (root / "apples" / schema).resolve() == root / "pipeline.schema.json"
    assert '"title": "pipeline.yaml"' in (root / "pipeline.schema.json").read_text()


def test_a_table_that_a_database_describes_needs_no_columns(new, root, database):
    ran = new("--table", "orchard.apples", "--model", "trees")
    assert ran.code == 0
    pipeline = read_pipeline(root / "apples")
    assert pipeline.settings.record.columns == ["apple_id", "weight", "Colour"]
    assert (
        pipeline.query
        == """\
-- One row is one record. partition_start and partition_end are instants; the day is [start, end).
SELECT
    apple_id,
    weight,
    "Colour"
FROM orchard.apples
WHERE picked_at >= :partition_start
    AND picked_at < :partition_end
ORDER BY apple_id
"""
    )
    assert "note: left out of the record: picked_at, photo BYTEA, tags" in ran.out


def test_json_lines_take_what_is_nested(new, root, database):
    new("--table", "orchard.apples", "--model", "trees", "--format", "jsonl")
    settings = read_pipeline(root / "apples").settings
    assert settings.record.features == ["weight", "Colour", "tags"]
    assert settings.predictions["prediction"].at == "$"


def test_a_table_that_nobody_describes_is_told_by_flags(new, root, monkeypatch):
    monkeypatch.setattr(module, "_described", lambda conn_id, table: None)
    ran = new(
        *("--table", "orchard.apples", "--package-group", "trees"),
        *("--role", "arn:aws:iam::123456789012:role/scoring"),
        *("--id", "orchard_id, apple_id", "--features", "weight", "--day-column", "day"),
    )
    assert ran.code == 0
    pipeline = read_pipeline(root / "apples")
    assert pipeline.settings.record.id == ["orchard_id", "apple_id"]
    assert pipeline.contract is None
    assert "WHERE day = :partition\nORDER BY orchard_id, apple_id" in pipeline.query
    assert "note: no contract.yaml was written" in ran.out


def test_what_no_flag_gives_is_asked(new, root, sample):
    ran = new(answers=f"{sample}\ntrees\n{FILES}\n")
    assert ran.code == 0
    assert "Score what" in ran.err
    assert "Name of the SageMaker model" in ran.err
    assert read_pipeline(root / "apples").settings.source.files == FILES


def test_a_csv_without_a_header_is_told_its_columns(new, root, tmp_path):
    path = tmp_path / "bare.csv"
    path.write_text("1;0.5;red\n")
    flags = ("--columns", "apple_id,weight,colour", "--delimiter", ";", "--features", "weight")
    assert new("--file", path, "--files", FILES, "--model", "trees", *flags).code == 0
    source = read_pipeline(root / "apples").settings.source
    assert (source.header, source.delimiter) == (False, ";")
    assert source.columns == ["apple_id", "weight", "colour"]


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        ((), "--table or --file is missing, and nobody answers"),
        (("--table", "apples"), "--model is missing, and nobody answers"),
        (("--table", "apples", "--model", "trees", "--id", "pear"), "pear is not there; there are"),
        (("--table", "apples", "--model", "trees", "--id", "weight"), "weight is float, and an id"),
        (
            ("--table", "apples", "--model", "no_name"),
            "pipeline.yaml:8: model.name: must be a name",
        ),
        (
            ("--table", "apples", "--model", "trees", "--strategy", "All"),
            "transform.strategy: must",
        ),
        (
            ("--table", "apples", "--model", "trees", "--start-date", "soon"),
            "start_date: must be a",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(new, root, database, flags, problem):
    ran = new(*flags)
    assert ran.code == 3
    assert problem in ran.err
    assert not (root / "apples").exists()


def test_rows_of_no_day_are_refused(new, monkeypatch):
    two = Found(columns=(*TABLE.columns, Column(name="sold_on", kind="date")), keys=TABLE.keys)
    monkeypatch.setattr(module, "_described", lambda conn_id, table: two)
    ran = new("--table", "apples", "--model", "trees")
    assert ran.code == 3
    assert "with --time-column, or that of a date with --day-column (picked_at, sold_on)" in ran.err


def test_a_folder_that_exists_is_left_alone(new, root, sample):
    flags = ("--file", sample, "--files", FILES, "--model")
    new(*flags, "trees")
    before = (root / "apples" / "pipeline.yaml").read_text()
    ran = new(*flags, "others")
    assert (ran.code, (root / "apples" / "pipeline.yaml").read_text()) == (3, before)
    assert "exists, and is left as it is" in ran.err


def test_a_program_reads_what_was_written(new, root, sample):
    ran = new("--file", sample, "--files", FILES, "--model", "trees", "--json")
    assert ran.json["written"] == [
        str(root / "apples" / name) for name in ("pipeline.yaml", "contract.yaml")
    ]
    assert ran.json["notes"] == ["left out of the record: picked by"]


def test_the_file_reads_as_a_person_would_write_it(new, root, database):
    new("--table", "apples", "--model", "trees", "--owner", "me", "--start-date", "2013-06-01")
    text = (root / "apples" / "pipeline.yaml").read_text()
    assert yaml.safe_load(text)["start_date"] == date(2013, 6, 1)
    assert "schedule: {at: '02:00', timezone: UTC}\nstart_date: 2013-06-01\n" in text
    assert max(map(len, text.splitlines())) <= 100
