"""The statements that are sent to Redshift, letter by letter."""

import pytest

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.sources.slices import slices
from batch_transform.scoring.sources.unloaded.asked_rows import check_columns, slice_of
from batch_transform.scoring.sources.unloaded.engine import Question
from batch_transform.scoring.sources.unloaded.redshift_sql import (
    RedshiftColumn,
    describe,
    instants,
    unload,
)

INTO = S3Uri("lake", "runs/o'clock/unload")
QUERY = "SELECT * FROM apples -- all\nWHERE at < :partition_end AND day = :partition AND c <> ':x';"
FILLED = (
    "SELECT * FROM apples -- all\nWHERE at < CAST('2013-06-02 00:00:00+00' AS timestamptz)"
    " AND day = CAST('2013-06-01' AS date) AND c <> ':x'\n"
)


@pytest.fixture
def ask(make_pipeline, partition):
    def ask(**changes):
        pipeline = make_pipeline(**changes).model_copy(update={"query": QUERY})
        parts = slices(pipeline.settings.extract)
        return Question(pipeline=pipeline, partition=partition, parts=parts)

    return ask


def columns(**types):
    return [RedshiftColumn(name=name, type_name=kind) for name, kind in types.items()]


def test_the_columns_are_asked_for_first(ask):
    assert describe(ask()) == f"SELECT * FROM (\n{FILLED}) AS source LIMIT 0"


def test_one_transaction_counts_and_unloads(ask):
    known = columns(apple_id="int8", weight="float4", colour="varchar", at="timestamptz")
    assert instants(known) == ("at",)
    assert unload(ask(extract={"slices": 8}), known, INTO, "arn:aws:iam::1:role/r") == [
        "SET timezone TO 'UTC'",
        'CREATE TEMP TABLE batch_transform_rows AS SELECT "apple_id" AS "apple_id",'
        ' CAST("weight" AS double precision) AS "weight", "colour" AS "colour",'
        ' "at" AT TIME ZONE \'UTC\' AS "at",'
        ' coalesce(("apple_id" % 8 + 8) % 8, 0) AS batch_transform_slice FROM (\n'
        f"{FILLED}) AS source",
        "SELECT count(*) FROM batch_transform_rows",
        "UNLOAD ('SELECT * FROM batch_transform_rows') TO 's3://lake/runs/o''clock/unload/'"
        " IAM_ROLE 'arn:aws:iam::1:role/r'\nFORMAT AS PARQUET PARTITION BY (batch_transform_slice)"
        " MANIFEST VERBOSE MAXFILESIZE 256 MB",
        "SELECT pg_last_unload_count()",
    ]


@pytest.mark.parametrize(
    ("cut", "expression"),
    [
        ({}, "0"),
        ({"ranges": [-5, 7]}, 'CASE WHEN "a""b" >= 7 THEN 2 WHEN "a""b" >= -5 THEN 1 ELSE 0 END'),
        (
            {"ranges": ["it's", "x\\"]},
            "CASE WHEN \"a\"\"b\" >= 'x' || chr(92) || '' THEN 2"
            " WHEN \"a\"\"b\" >= 'it''s' THEN 1 ELSE 0 END",
        ),
    ],
)
def test_slices_are_numbered_by_ids(ask, cut, expression):
    question = ask(extract=cut)
    record = question.pipeline.settings.record.model_copy(update={"id": ['a"b']})
    settings = question.pipeline.settings.model_copy(update={"record": record})
    pipeline = question.pipeline.model_copy(update={"settings": settings})
    question = Question(pipeline=pipeline, partition=question.partition, parts=question.parts)
    keep = unload(question, columns(x="int8"), INTO, "default")[1]
    assert f", {expression} AS batch_transform_slice FROM (\n" in keep
    assert "IAM_ROLE default\n" in unload(question, columns(x="int8"), INTO, "default")[3]


def test_columns_that_no_record_has_are_refused(ask):
    unknown = columns(apple_id="int8", weight="float8", colour="super")
    with pytest.raises(SourceError, match="Column colour is super, which no record has; cast it"):
        check_columns([each.as_column for each in unknown], ask())


def test_a_file_says_its_slice_by_its_folder():
    assert slice_of("s3://lake/unload/batch_transform_slice=12/0000_part_00.parquet") == 12
    with pytest.raises(SourceError, match="is in no folder of a slice"):
        slice_of("s3://lake/unload/0000_part_00.parquet")
