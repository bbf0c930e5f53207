"""What is Snowflake's own: its names, its types, its words."""

import pytest

from batch_transform.scoring.errors import ConfigurationError, SourceError
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.sources.unloaded.snowflake import SnowflakeEngine
from batch_transform.scoring.sources.unloaded.unloaded_source import UnloadedSource


@pytest.fixture(params=["snowflake"])
def kind(request):
    return request.param


@pytest.fixture
def run(engine, layout, finish):
    def run(question):
        return finish(engine, engine.begin(question, layout.unload, "apples"))

    return run


def lines(question, unloaded, objects, layout, partition):
    objects.put(layout.unloaded, unloaded.to_json())
    index = extract(
        question.pipeline, partition, UnloadedSource(objects, layout.unloaded), objects, layout
    )
    return b"".join(objects.get(layout.input / shard.name) for shard in index.shards).decode()


def test_types_are_exact_whatever_the_sessions_zone(
    run, objects, layout, ask, snowflake, partition
):
    snowflake.run(
        "CREATE TABLE typed AS SELECT 1 AS apple_id, CAST(0.10 AS NUMBER(9, 4)) AS exact,"
        " CAST(0.1 AS FLOAT) AS small, true AS flag, CAST('2013-06-01' AS DATE) AS day,"
        " CAST('2013-06-01 12:30:00.5+02' AS TIMESTAMP_TZ) AS moment,"
        " CAST(NULL AS NUMBER(38, 0)) AS nothing, 'back\\\\slash \"q\"' AS words"
    )
    columns = ["exact", "small", "flag", "day", "moment", "nothing", "words"]
    question = ask(
        "SELECT * FROM typed WHERE day = :partition -- a comment\n", record={"features": columns}
    )
    unloaded = run(question)
    assert unloaded.instants == ("moment",)
    assert lines(question, unloaded, objects, layout, partition) == (
        '1,0.1000,0.1,true,2013-06-01,2013-06-01T10:30:00.5+00:00,,"back\\slash ""q"""\n'
    )


def test_names_are_the_pipelines_in_whatever_case_the_query_has_them(
    run, objects, layout, ask, partition
):
    question = ask(
        "SELECT 7 AS APPLE_ID, CAST(1.5 AS FLOAT) AS \"weight\", 'it''s :x' AS Colour"
        " WHERE :partition IS NOT NULL"
    )
    assert lines(question, run(question), objects, layout, partition) == "7,1.5,it's :x\n"


def test_bounds_are_the_instants_of_the_day_in_the_pipelines_zone(run, ask, snowflake):
    snowflake.run("CREATE TABLE picked (apple_id NUMBER(38, 0), seen TIMESTAMP_TZ)")
    for number, moment in enumerate(
        ["2013-06-01 03:59:59+00", "2013-06-01 04:00:00+00", "2013-06-02 03:59:59+00",
         "2013-06-02 04:00:00+00"]
    ):  # fmt: skip
        snowflake.run("INSERT INTO picked VALUES (%s, %s)", (number, moment))
    query = (
        "SELECT apple_id, CAST(1.5 AS FLOAT) AS weight, 'red' AS colour FROM picked"
        " WHERE seen >= :partition_start AND seen < :partition_end"
    )
    assert run(ask(query)).rows == 2


def test_a_day_without_rows_is_empty(run, objects, layout, ask, partition):
    question = ask("SELECT * FROM apples WHERE :partition IS NULL")
    unloaded = run(question)
    assert (unloaded.rows, unloaded.files) == (0, ())
    assert lines(question, unloaded, objects, layout, partition) == ""


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("SELECT nothing FROM apples", "Snowflake refuses the query: "),
        ("SELECT apple_id, weight FROM apples", "The source's columns are not those of the record"),
        ("SELECT apple_id, weight, SYSDATE() AS colour FROM apples", "timestamp_ntz, which no"),
        ("SELECT colour AS apple_id, weight, colour FROM apples", "give texts as extract.ranges"),
        (
            "SELECT apple_id, CAST(colour AS FLOAT) AS weight, colour FROM apples",
            "Snowflake refuses the query: ",
        ),
    ],
)
def test_a_query_that_cannot_be_unloaded_is_refused_in_snowflakes_words(run, ask, query, complaint):
    question = ask(f"{query} WHERE :partition IS NOT NULL", extract={"slices": 2})
    with pytest.raises(SourceError) as refusal:
        run(question)
    assert complaint in str(refusal.value)


def test_a_stage_of_another_place_is_refused_before_anything_is_run(engine, snowflake, ask, layout):
    snowflake.run("CREATE STAGE elsewhere URL = 's3://other-bucket/'")
    with pytest.raises(ConfigurationError, match="of s3://other-bucket/, and this run's objects"):
        SnowflakeEngine(snowflake.session, "elsewhere").begin(ask(), layout.unload, "apples")
    with pytest.raises(SourceError, match="Stage 'gone' does not exist or not authorized"):
        SnowflakeEngine(snowflake.session, "gone").begin(ask(), layout.unload, "apples")
