"""The statements that are sent to Snowflake, letter by letter: they are files of tests/golden."""

from pathlib import Path

import pytest

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.filed import RowFile
from batch_transform.scoring.pipeline import SnowflakePlace, Target
from batch_transform.scoring.snowflake.snowflake_session import ResultColumn
from batch_transform.scoring.snowflake.snowflake_stage import ExternalStage
from batch_transform.scoring.snowflake.snowflake_text import spelt
from batch_transform.scoring.sources.slices import slices
from batch_transform.scoring.sources.unloaded import snowflake_sql
from batch_transform.scoring.sources.unloaded.engine import Question
from batch_transform.scoring.warehouse import snowflake_statements as sql
from tests.contract.warehouse.loads import FIRST, a_load

GOLDEN = Path(__file__).parents[2] / "golden"
STAGE = ExternalStage(name="analytics.public.runs", url="s3://lake/runs/")
TARGET = Target(
    conn_id="snowflake",
    table="predictions.apples",
    partition_column="day",
    snowflake=SnowflakePlace(stage=STAGE.name),
)
QUERY = "SELECT * FROM apples -- all\nWHERE seen < :partition_end AND day = :partition\n"
LOAD = [
    *("set_session", "use_schema", "find_columns", "create_target", "create_ledger"),
    *("create_quarantine", "create_turn", "add_column", "latest", "find_transactions", "abort"),
    *("create_stage", "copy_files", "count_staged", "begin", "transaction", "take_turn", "latest"),
    *("count_altered", "delete_partition", "insert_rows", "count_partition", "delete_quarantine"),
    *(
        "insert_quarantine",
        "write_entry",
        "refresh_entry",
        "commit",
        "count_entry",
        "rollback",
        "recent",
    ),
    "unload_partition",
]


@pytest.fixture
def question(make_pipeline, partition):
    pipeline = make_pipeline(extract={"slices": 8}).model_copy(update={"query": QUERY})
    parts = slices(pipeline.settings.extract)
    return Question(pipeline=pipeline, partition=partition, parts=parts)


def found(**types):
    return [ResultColumn(name=name, type_name=kind) for name, kind in types.items()]


def golden(name, statements):
    """Hold statements to a golden file, each of which ends with a semicolon there."""
    assert "".join(f"{each};\n" for each in statements) == (GOLDEN / name).read_text()


def test_the_statements_of_an_unload(question):
    columns = snowflake_sql.named(
        found(APPLE_ID="FIXED", WEIGHT="REAL", COLOUR="TEXT", SEEN="TIMESTAMP_LTZ"),
        question.pipeline,
    )
    assert snowflake_sql.instants(columns) == ("seen",)
    into = S3Uri("lake", "runs/apples/2013-06-01/attempt/unload")
    golden(
        "snowflake_unload.sql",
        [
            f"DESC STAGE {STAGE.name}",
            snowflake_sql.set_session(question, "batch-transform/0123/apples/unload/nightly"),
            snowflake_sql.describe(question),
            snowflake_sql.now(),
            snowflake_sql.unload(question, columns, STAGE, into),
        ],
    )


def test_the_statements_of_a_load():
    load = a_load(TARGET, FIRST, [(1, 0.5), (2, 0.25)])
    files = [RowFile(uri=f"s3://lake/runs/a'b/part-{n}.parquet", rows=1, bytes=9) for n in range(2)]
    (copied,) = sql.copies(STAGE, files)
    parts = {
        **sql.parts_of_load(load),
        **copied,
        "names": "'APPLES', 'BATCH_TRANSFORM_LEDGER'",
        "definition": '"DAY" date NOT NULL, "APPLE_ID" number(38, 0) NOT NULL, "SCORE" float',
        "column": '"SCORE" float',
        "number": "4",
        "transaction": "'5'",
        "pipeline": "'apples'",
        "count": "7",
        "location": STAGE.location(S3Uri("lake", "runs/held-0123")),
    }
    unloaded = {**parts, "values": sql.unloaded_values(load.columns)}
    texts = [sql.text_of(name, unloaded if name == "unload_partition" else parts) for name in LOAD]
    golden("snowflake_load.sql", texts)
    assert texts[LOAD.index("take_turn")].startswith('UPDATE "PREDICTIONS"."BATCH_TRANSFORM_TURN_')


def test_a_copy_names_a_thousand_files_at_most():
    files = [
        RowFile(uri=f"s3://lake/runs/rows/part-{number}.parquet", rows=1, bytes=9)
        for number in range(2001)
    ]
    assert [each["files"].count("'") // 2 for each in sql.copies(STAGE, files)] == [1000, 1000, 1]


def test_names_are_folded_as_snowflake_does_and_two_of_one_name_are_refused(question):
    named = snowflake_sql.named(found(APPLE_ID="FIXED", Weight="REAL", x="TEXT"), question.pipeline)
    assert [each.name for each in named] == ["apple_id", "Weight", "x"]
    assert named[0].cast == 'CAST("APPLE_ID" AS BIGINT) AS "apple_id"'
    with pytest.raises(SourceError, match="has the column apple_id twice"):
        snowflake_sql.named(found(APPLE_ID="FIXED", apple_id="FIXED"), question.pipeline)


def test_a_file_says_its_slice_by_its_folder_and_lies_below_the_prefix_or_the_stage():
    into = S3Uri("lake", "runs/apples/unload")
    for told in ("slice=12/data_0.parquet", "apples/unload/slice=12/data_0.parquet"):
        assert snowflake_sql.slice_of(told) == 12
        assert STAGE.uri(told, into) == "s3://lake/runs/apples/unload/slice=12/data_0.parquet"
    with pytest.raises(SourceError, match="is in no folder of a slice"):
        snowflake_sql.slice_of("data_0.parquet")


def test_texts_are_quoted_so_that_nothing_in_them_means_anything():
    assert spelt("it's \\ {x} %s") == r"'it''s \\ {x} %s'"
    assert spelt(None) == "NULL"
