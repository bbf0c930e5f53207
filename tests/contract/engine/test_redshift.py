"""What is Redshift's own: its types, its words, and what may go wrong with it."""

import psycopg
import pytest

from batch_transform.scoring.errors import SourceError, Unreachable
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.kinds import Column
from batch_transform.scoring.sources.unloaded.unloaded_source import UnloadedSource


@pytest.fixture(params=["redshift"])
def kind(request):
    return request.param


@pytest.fixture
def switch(sagemaker_local_server):
    def switch(value):
        sagemaker_local_server.switch(redshift_unload=value)

    yield switch
    sagemaker_local_server.switch(redshift_unload="as_documented")


def run(engine, question, layout, finish):
    return finish(engine, engine.begin(question, layout.unload, "apples"))


def test_types_are_exact_whatever_the_sessions_zone(
    engine, objects, layout, ask, finish, warehouse, partition
):
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE typed AS SELECT 1 AS apple_id, CAST(0.10 AS numeric(9,4)) AS exact,"
            " CAST(0.1 AS real) AS small, true AS flag, DATE '2013-06-01' AS day,"
            " TIMESTAMPTZ '2013-06-01 12:30:00.5+02' AS moment, CAST('a  ' AS char(3)) AS padded,"
            " CAST(NULL AS bigint) AS nothing, 'back\\slash \"q\"' AS words"
        )
    columns = ["exact", "small", "flag", "day", "moment", "padded", "nothing", "words"]
    question = ask(
        "SELECT * FROM typed WHERE day = :partition",
        record={"features": columns},
    )
    unloaded = run(engine, question, layout, finish)
    assert unloaded.instants == ("moment",)
    objects.put(layout.unloaded, unloaded.to_json())
    source = UnloadedSource(objects, layout.unloaded)
    index = extract(question.pipeline, partition, source, objects, layout)
    assert objects.get(layout.input / index.shards[0].name).decode() == (
        "1,0.1000,0.10000000149011612,true,2013-06-01,2013-06-01T10:30:00.5+00:00,a  ,,"
        '"back\\slash ""q"""\n'
    )


def test_bounds_are_the_instants_of_the_day_in_the_pipelines_zone(
    engine, layout, ask, finish, warehouse
):
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute("CREATE TABLE picked (apple_id bigint, at timestamptz)")
        for number, moment in enumerate(
            ["2013-06-01 03:59:59+00", "2013-06-01 04:00+00", "2013-06-02 03:59:59+00",
             "2013-06-02 04:00+00"]
        ):  # fmt: skip
            connection.execute("INSERT INTO picked VALUES (%s, %s)", (number, moment))
    query = (
        "SELECT apple_id, 1.5::float AS weight, 'it''s :x' AS colour FROM picked"
        " WHERE at >= :partition_start AND at < :partition_end"
    )
    assert run(engine, ask(query), layout, finish).rows == 2


def test_a_day_without_rows_is_empty(engine, objects, layout, ask, finish, partition):
    question = ask("SELECT * FROM apples WHERE :partition IS NULL")
    unloaded = run(engine, question, layout, finish)
    assert (unloaded.rows, unloaded.files) == (0, ())
    objects.put(layout.unloaded, unloaded.to_json())
    source = UnloadedSource(objects, layout.unloaded)
    assert extract(question.pipeline, partition, source, objects, layout).records == 0


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("SELECT nothing FROM apples", 'column "nothing" does not exist'),
        ("SELECT apple_id, weight FROM apples", "The source's columns are not those of the record"),
        ("SELECT apple_id, weight, now()::timestamp AS colour FROM apples", "timestamp, which no"),
        ("SELECT colour AS apple_id, weight, colour FROM apples", "give texts as extract.ranges"),
        ("SELECT apple_id, 1/(weight::int) AS weight, colour FROM apples", "division by zero"),
    ],
)
def test_a_query_that_cannot_be_unloaded_is_refused_in_redshifts_words(
    engine, layout, ask, finish, query, complaint
):
    question = ask(f"{query} WHERE :partition IS NOT NULL", extract={"slices": 2})
    with pytest.raises(SourceError) as refusal:
        run(engine, question, layout, finish)
    assert complaint in str(refusal.value)


def test_the_contract_is_held_before_anything_is_unloaded(engine, layout, ask):
    question = ask()
    kinds = ["integer", "decimal", "text"]
    contract = tuple(
        Column(name=name, kind=kind)
        for name, kind in zip(["apple_id", "weight", "colour"], kinds, strict=True)
    )
    changed = question.pipeline.model_copy(update={"contract": contract})
    question = type(question)(pipeline=changed, partition=question.partition)
    with pytest.raises(SourceError, match=r"\* weight decimal +weight float"):
        engine.begin(question, layout.unload, "apples")


def test_a_conflict_of_transactions_is_tried_again(engine, layout, ask, finish, switch):
    switch("conflict")
    with pytest.raises(Unreachable, match="1023"):
        run(engine, ask(), layout, finish)


def test_a_manifest_that_disagrees_is_refused(engine, layout, ask, finish, switch):
    switch("manifest_disagrees")
    with pytest.raises(SourceError, match="counted 4 rows of the query, says it unloaded 4, and"):
        run(engine, ask(), layout, finish)
