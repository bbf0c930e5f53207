"""Where an attempt keeps what, under names that later tasks, the janitor and people look for."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_transform.scoring.names import (
    RunLayout,
    S3Uri,
    content_digest,
    generation_name,
    job_name,
    job_name_start,
    model_name,
    output_name,
    piece_name,
    shard_name,
    statement_name,
    statements_of,
    task_of_statement,
)

ROOT = S3Uri.parse("s3://bucket/runs")
LAYOUT = RunLayout.of(ROOT, "flights", "2013-06-01", "try-1")
ATTEMPT = "s3://bucket/runs/flights/2013-06-01/try-1"
PIPELINES = st.text(string.ascii_lowercase + string.digits + "_", min_size=1, max_size=80)


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ("plan", "plan.json"),
        ("loaded", "loaded.json"),
        ("rows", "rows"),
        ("reports", "report"),
        ("quarantine", "quarantine"),
        ("input", "input"),
        ("index", "input/index.json"),
        ("snapshot", "snapshot.json"),
        ("manifest", "manifest.json"),
        ("retired", "retired.json"),
        ("unload", "unload"),
        ("unloaded", "unload.json"),
        ("output", "output"),
    ],
)
def test_each_part_of_an_attempt_has_its_path(part, path):
    assert str(getattr(LAYOUT, part)) == f"{ATTEMPT}/{path}"


def test_all_attempts_at_a_partition_lie_together():
    assert str(LAYOUT.partition_root) == "s3://bucket/runs/flights/2013-06-01"


def test_a_layout_is_found_again_from_what_lies_in_it():
    assert RunLayout.of_index(str(LAYOUT.index)) == LAYOUT
    assert RunLayout.of_manifest(LAYOUT.manifest) == LAYOUT
    assert RunLayout.of_quarantine(LAYOUT.quarantine / "part" / "x.jsonl") == LAYOUT


def test_one_job_has_the_attempts_own_prefix_and_several_one_each():
    assert LAYOUT.of_jobs(1) == [LAYOUT]
    roots = [str(each.attempt_root) for each in LAYOUT.of_jobs(3)]
    assert roots == [f"{ATTEMPT}/jobs/00", f"{ATTEMPT}/jobs/01", f"{ATTEMPT}/jobs/02"]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("input/part-00000.csv", "inputs"),
        ("recover/r1/input/part-00000.csv", "inputs"),
        ("unload/000.parquet", "inputs"),
        ("output/g1/part-00000.csv.out", "outputs"),
        ("recover/r1/output/part-00000.csv.out", "outputs"),
        ("jobs/01/input/part-01-00000.csv", "inputs"),
        ("jobs/01/output/g1/part-01-00000.csv.out", "outputs"),
        ("jobs/01/recover/r1/input/part-01-00000.csv", "inputs"),
        ("rows/0.csv", "outputs"),
        ("quarantine/bad.jsonl", "quarantine"),
        ("input/index.json", None),
        ("jobs/01/input/index.json", None),
        ("jobs/01/manifest.json", None),
        ("manifest.json", None),
        ("report/report.json", None),
        ("unload.json", None),
    ],
)
def test_what_takes_room_is_told_from_the_small_records(path, kind):
    assert LAYOUT.bulk_kind(LAYOUT.attempt_root / path) == kind


def test_a_bucket_alone_has_no_key():
    assert S3Uri.parse("s3://bucket") == S3Uri("bucket", "")
    assert S3Uri.parse("s3://bucket/a//") == S3Uri("bucket", "a")
    assert S3Uri.parse("s3://bucket/BOX/") == S3Uri("bucket", "BOX")
    assert S3Uri("bucket") / "part" == S3Uri("bucket", "part")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("bucket/key", "does not begin with s3://"),
        ("s3://ab/key", "'ab' has 2"),
        (f"s3://{'b' * 64}/key", "has 64"),
        ("s3://UPPER/key", "lower-case letters"),
        (f"s3://{'B' * 3}/key", "lower-case letters"),
        (f"s3://{'B' * 63}/key", "lower-case letters"),
        ("s3://bucket/a\nb", r"control characters, and it has '\\n'"),
    ],
)
def test_what_is_no_uri_is_told_why(text, why):
    with pytest.raises(ValueError, match=why):
        S3Uri.parse(text)


@pytest.mark.parametrize("length", [3, 63])
def test_a_bucket_of_any_length_that_s3_takes_is_taken(length):
    assert S3Uri.parse(f"s3://{'b' * length}/k").bucket == "b" * length


def test_shards_and_their_pieces_are_named_by_job_and_place():
    assert shard_name(7, "csv") == "part-00007.csv"
    assert shard_name(7, "jsonl.gz", 3) == "part-03-00007.jsonl.gz"
    assert piece_name("part-00007.jsonl.gz", 12, 3) == "part-00007-000000012-000000003.jsonl.gz"
    assert output_name("part-00007.csv") == "part-00007.csv.out"
    assert generation_name(2) == "g2"


def test_the_first_job_has_no_generation_in_its_name():
    names = [job_name("flights", "2013-06-01", "0" * 64, number) for number in (1, 2, 10)]
    first = "flights-2013-06-01-000000000000"
    assert names == [first, f"{first}-g2", f"{first}-g10"]


@given(PIPELINES, st.integers(1, 99))
def test_all_jobs_of_a_pipeline_begin_as_they_are_looked_for(pipeline, generation):
    name = job_name(pipeline, "2013-06-01", "0" * 64, generation)
    start = job_name_start(pipeline)
    assert name.startswith(start)
    assert len(name) <= 63
    slug = pipeline.replace("_", "-").strip("-")
    assert start.endswith("-") or slug.startswith(start)


def test_a_short_pipelines_jobs_are_not_those_of_one_that_begins_alike():
    # 34 letters are left beside -2013-06-01-, 12 digits and -g99.
    assert job_name_start("p" * 35) == f"{'p' * 35}-"
    assert job_name_start("X" * 36) == "X" * 35
    assert job_name_start("p" * 34 + "_" + "p" * 9) == "p" * 34


def test_a_long_name_is_cut_to_what_the_service_takes():
    name = job_name("X" * 100, "2013-06-01", "0" * 64)
    assert name == "X" * 39 + "-2013-06-01-000000000000"
    assert len(name) == 63


@pytest.mark.parametrize("pipeline", ["_flights_", "flights__of__june"])
def test_a_name_has_single_hyphens_and_none_at_its_ends(pipeline):
    name = job_name(pipeline, "2013-06-01", "0" * 64)
    assert not name.startswith("-")
    assert "--" not in name


def test_a_model_is_named_by_its_group_and_number():
    version = "arn:aws:sagemaker:eu-west-1:1:model-package/flights/12"
    assert model_name("flights", version) == "flights-v12"
    assert model_name("f" * 59 + "-x" * 9, version) == "f" * 59 + "-v12"
    assert len(model_name("X" * 80, version)) == 63


def test_equal_content_has_one_digest_whatever_its_letters():
    # Of {"a":["\u00e9",1]} as ASCII JSON without spaces, by sha256sum.
    assert content_digest({"a": ["é", 1]}) == (
        "3aa779099692573bf73c6d4ceab46e81fc5d47c1eda66e0455a43d8ae460a29c"
    )


def test_a_statements_name_is_read_up_to_the_longest_that_redshift_takes():
    room = 500 - len(statements_of("s3://b")) - len("d//")
    fits = statement_name("s3://b", "d", "t", "r" * (room - 1))
    assert len(fits) == 500
    assert task_of_statement(fits, "s3://b") == ("d", "t", "r" * (room - 1))
    assert task_of_statement(statement_name("s3://b", "d", "t", "r" * room), "s3://b") is None


def test_the_names_of_other_statements_say_nothing():
    start = statements_of("s3://b")
    assert start.startswith("batch-transform/")
    assert [len(part) for part in start.split("/")[1:]] == [12, 0]
    assert task_of_statement("a/b/c", "s3://b") is None
    assert task_of_statement(f"{start}a/b", "s3://b") is None
