from datetime import date, time, timedelta
from pathlib import Path

import pytest

from batch_transform.scoring.errors import ConfigurationError, PipelineInvalid
from batch_transform.scoring.pipelines import pipeline_folders, read_pipeline
from tests.project import PIPELINES

VALID = """\
description: Scores apples
owner: orchard
schedule: {at: "02:00", timezone: America/New_York}
start_date: 2013-06-01
source:
  conn_id: warehouse
  sql: features.sql
record:
  format: csv
  id: [apple_id]
  features: [weight, colour]
  compression: gzip
shards: {max_bytes: 64MB, min_count: 2}
model: {name: apples}
transform:
  instance_type: ml.m5.large
  instance_count: 2
  strategy: MultiRecord
  max_concurrent_transforms: 4
predictions:
  sweetness: {at: -1, type: double, min: 0, max: 1}
target: {conn_id: warehouse, table: predictions.apples, partition_column: picked_on}
limits: {deadline: 90m}
"""
QUERY = "SELECT 1 WHERE t >= :partition_start AND t < :partition_end"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "apples").mkdir()
    (tmp_path / "apples" / "pipeline.yaml").write_text(VALID)
    (tmp_path / "apples" / "features.sql").write_text(QUERY)
    return tmp_path / "apples"


def problems_of(folder):
    with pytest.raises(PipelineInvalid) as refusal:
        read_pipeline(folder)
    assert refusal.value.pipeline == folder.name
    assert all(problem in str(refusal.value) for problem in refusal.value.problems)
    return "\n".join(refusal.value.problems)


def test_a_valid_folder_is_read(folder):
    pipeline = read_pipeline(folder)
    settings = pipeline.settings
    assert (pipeline.name, pipeline.query) == ("apples", QUERY)
    assert settings.start_date == date(2013, 6, 1)
    assert settings.schedule.at == time(2)
    assert settings.shards.max_bytes == 64_000_000
    assert settings.limits.deadline == timedelta(minutes=90)
    assert settings.transform.max_payload_mb == 6
    assert settings.record.columns == ["apple_id", "weight", "colour"]


@pytest.mark.parametrize("folder", pipeline_folders(PIPELINES), ids=lambda path: path.name)
def test_every_shipped_pipeline_is_valid(folder):
    assert read_pipeline(folder).name == folder.name


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('at: "02:00"', "at: 25", 'pipeline.yaml:3: schedule.at: must be a time of day, quo'),
        ("America/New_York", "Mars/Base", "pipeline.yaml:3: schedule.timezone: must be an IANA na"),
        ("2013-06-01", "last year", "pipeline.yaml:4: start_date: "),
        ("owner: orchard\n", "", "pipeline.yaml:1: owner: is missing"),
        ("format: csv", "format: parquet", "pipeline.yaml:9: record.format: must be 'csv' or 'jso"),
        ("[weight, colour]", "[weight, we-ight]", "pipeline.yaml:11: record.features.1: "),
        ("[weight, colour]", "[]", "pipeline.yaml:11: record.features: "),
        ("[weight, colour]", "[weight, apple_id]", "id and features name apple_id more than once"),
        ("compression: gzip", "compresion: gzip", "pipeline.yaml:12: record.compresion: is not a"),
        ("min_count: 2", "min_count: 1", "an instance without a shard is paid and idle"),
        ("name: apples", "name: my_apples", "pipeline.yaml:14: model.name: "),
        ("ml.m5.large", "m5.large", "pipeline.yaml:16: transform.instance_type"),
        ("instance_count: 2", "instance_count: 101", "must be at most 100, not 101"),
        ("MultiRecord", "Multi", "pipeline.yaml:18: transform.strategy: must be 'MultiRecor"),
        ("transforms: 4", "transforms: 17", "max_concurrent_transforms x max_payload_mb is 102"),
        ("at: -1", 'at: "score[0]"', "predictions.sweetness.at: is 'score[0]'; for csv it read"),
        ("type: double", "type: text", "min and max are for numbers"),
        ("predictions.apples", "predictions.apples; drop", "pipeline.yaml:22: target.table: "),
        ("picked_on", "sweetness", "the target table would have sweetness twice"),
        ("deadline: 90m", "deadline: 90", "limits.deadline: must be a whole number and a unit, at"),
        ("limits:", "limit:", "pipeline.yaml:23: limit: is not a setting of a pipeline"),
        ("owner: orchard", "owner: orchard\nowner: me", "pipeline.yaml:3: owner: is given twice"),
        ("owner: orchard", "owner: [", "is not YAML: while parsing a flow sequence in line 2: "),
        ("limits:", "extract: {slices: 0}\nlimits:", "pipeline.yaml:23: extract.slices: must be "),
        ("limits:", "extract: {ranges: [2, 1]}\nlimits:", "extract.ranges: must ascend, but 1 co"),
        ("limits:", "extract: {slices: 2, ranges: [1]}\nlimits:", "give either slices or ranges"),
        ("sql: features.sql", "sql: nowhere.sql", "nowhere.sql: cannot be read: "),
    ],
)  # fmt: skip
def test_each_mistake_is_named_with_its_line_and_what_is_allowed(folder, old, new, problem):
    assert old in VALID
    (folder / "pipeline.yaml").write_text(VALID.replace(old, new, 1))
    assert problem in problems_of(folder)


@pytest.fixture
def sliced_texts(folder):
    """A pipeline that cuts the ids of a contract, which are texts, as if they were integers."""
    (folder / "contract.yaml").write_text("{apple_id: text, weight: float, colour: text}")
    (folder / "pipeline.yaml").write_text(VALID + "extract: {slices: 2}\n")
    return folder


def test_slices_that_the_contracts_ids_cannot_be_cut_into_are_refused(sliced_texts):
    problem = "pipeline.yaml:24: extract: The id column apple_id is text, and extract.slices and"
    assert problem in problems_of(sliced_texts)
    (sliced_texts / "pipeline.yaml").write_text(VALID + 'extract: {ranges: ["m"]}\n')
    assert read_pipeline(sliced_texts).settings.extract.count == 2


def test_a_contract_says_nothing_of_the_ids_before_a_reshape(sliced_texts):
    (sliced_texts / "reshape.py").write_text("def reshape(frame):\n    return frame\n")
    assert read_pipeline(sliced_texts).settings.extract.count == 2


def test_all_mistakes_are_reported_at_once(folder):
    wrong = VALID.replace("ml.m5.large", "large").replace("orchard", "[]").replace("90m", "soon")
    (folder / "pipeline.yaml").write_text(wrong)
    problems = problems_of(folder)
    assert all(key in problems for key in ("owner", "transform.instance_type", "limits.deadline"))


@pytest.mark.parametrize("name", ["partition_start", "partition_end"])
def test_a_query_that_ignores_a_bound_is_refused(folder, name):
    (folder / "features.sql").write_text(QUERY.replace(f":{name}", "now()"))
    assert "features.sql: uses neither :partition, the day, nor both" in problems_of(folder)


def test_an_empty_query_is_refused(folder):
    (folder / "features.sql").write_text("\n")
    assert "features.sql: is empty" in problems_of(folder)


@pytest.mark.parametrize("name", ["Apples", "my-apples", "a" * 41, "1apple"])
def test_a_folder_name_that_cannot_be_a_job_name_is_refused(folder, name):
    assert "becomes DAG id and job name" in problems_of(folder.rename(folder.parent / name))


def test_a_folder_without_its_file_is_refused(tmp_path):
    assert "pipeline.yaml: cannot be read" in problems_of(tmp_path)


def test_hidden_folders_and_files_are_no_pipelines(folder):
    for name in (".hidden", "__pycache__"):
        (folder.parent / name).mkdir()
    (folder.parent / "notes.txt").touch()
    assert pipeline_folders(folder.parent) == [folder]


def test_a_missing_root_is_named_with_its_setting():
    with pytest.raises(ConfigurationError, match="BATCH_TRANSFORM_PIPELINES"):
        pipeline_folders(Path("nowhere"))


FILES = """\
source:
  conn_id: aws_default
  files: s3://lake/apples/date={{ partition }}/*.csv
  format: csv
"""


@pytest.fixture
def files_folder(folder):
    before, _, after = VALID.partition("source:\n")
    (folder / "pipeline.yaml").write_text(before + FILES + after.partition("features.sql\n")[2])
    (folder / "features.sql").unlink()
    return folder


def changed(folder, old, new):
    text = (folder / "pipeline.yaml").read_text()
    assert old in text
    (folder / "pipeline.yaml").write_text(text.replace(old, new, 1))


def test_a_source_of_files_needs_no_query(files_folder):
    source = read_pipeline(files_folder).settings.source
    assert (source.files, source.format) == ("s3://lake/apples/date={{ partition }}/*.csv", "csv")
    assert (source.header, source.delimiter, source.columns) == (True, ",", None)


def test_what_selects_the_files_does_not_depend_on_the_connection(files_folder):
    selection = read_pipeline(files_folder).query
    changed(files_folder, "aws_default", "another")
    assert read_pipeline(files_folder).query == selection
    changed(files_folder, "format: csv", 'format: csv\n  delimiter: ";"')
    assert read_pipeline(files_folder).query != selection


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("{{ partition }}", "x", "pipeline.yaml:7: source.files: the pattern does not say which"),
        ("s3://", "/", "pipeline.yaml:7: source.files: a pattern reads like s3://bucket/folder/"),
        ("format: csv", "format: xml", "pipeline.yaml:8: source.format: must be 'parquet', 'csv'"),
        ("  format: csv\n", "", "pipeline.yaml:5: source.format: is missing"),
        ("format: csv", "sql: a.sql", "pipeline.yaml:5: source: has either sql, a query's file"),
        ("files: s3", "file: s3", "pipeline.yaml:5: source: has either sql, a query's fil"),
        ("format: csv", "format: csv\n  header: 1.5", "pipeline.yaml:9: source.header: must "),
        ("format: csv", "format: csv\n  head: no", "pipeline.yaml:9: source.head: is not a set"),
        ("format: csv", "format: csv\n  delimiter: '\"'", "pipeline.yaml:9: source.delimiter: mus"),
        ("format: csv", "format: csv\n  columns: [a, a]", "pipeline.yaml:9: source.columns: names"),
        ("format: csv", "format: jsonl\n  header: no", "pipeline.yaml:9: source.header: is for "),
        ("format: csv", "format: csv\n  asset: landed", "pipeline.yaml:9: source.asset: is wait"),
    ],
)  # fmt: skip
def test_each_mistake_of_a_source_of_files_is_named_with_its_line(files_folder, old, new, problem):
    changed(files_folder, old, new)
    assert problem in problems_of(files_folder)


@pytest.mark.parametrize("settings", ["format: jsonl", "format: csv\n  header: false"])
def test_reshape_needs_the_columns_of_files_that_do_not_name_them(files_folder, settings):
    changed(files_folder, "format: csv", settings)
    assert read_pipeline(files_folder).reshape is None
    (files_folder / "reshape.py").write_text("def reshape(frame):\n    return frame\n")
    assert "pipeline.yaml:5: source.columns: is missing" in problems_of(files_folder)
    changed(files_folder, "conn_id", "columns: [apple_id, grams]\n  conn_id")
    assert read_pipeline(files_folder).reshape is not None


@pytest.mark.parametrize(
    ("unload", "problem"),
    [
        ("{stage: '@runs'}", "source.unload.stage: must be the name of a stage, such as"),
        ("{stage: runs, role: me}", "source.unload.role: is not a setting of a pipeline; there"),
        ("{workgroup: w}", "source.unload.database: is missing"),
        ("{workgroop: w, database: d}", "source.unload.workgroop: is not a setting of a pipeline"),
        ("nightly", "pipeline.yaml:8: source.unload: must be a mapping with workgroup, "),
        ("[stage]", "source.unload: must be a mapping with "),
        ("5", "source.unload: must be a mapping with "),
    ],
)
def test_an_engine_is_known_by_what_is_said_of_it(folder, unload, problem):
    text = VALID.replace("  sql: features.sql\n", f"  sql: features.sql\n  unload: {unload}\n")
    (folder / "pipeline.yaml").write_text(text)
    assert problem in problems_of(folder)
