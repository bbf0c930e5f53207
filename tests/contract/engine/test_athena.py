"""What is Athena's own: its types, its words, and what may go wrong with it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from batch_transform.scoring.aws.athena_api import AthenaApi
from batch_transform.scoring.errors import ManifestError, SourceError, Unreachable
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.sources.unloaded.unloaded_source import UnloadedSource
from tests.contract.engine.conftest import ATHENA, BUCKET
from tests.project import PROJECT


@pytest.fixture(params=["athena"])
def kind(request):
    return request.param


@pytest.fixture
def switch(sagemaker_local_server):
    yield lambda value: sagemaker_local_server.switch(athena_unload=value)
    sagemaker_local_server.switch(athena_unload="as_documented")


@pytest.fixture
def sent(sagemaker_local_server):
    """The queries that were sent, as they were."""

    def sent():
        client = sagemaker_local_server.client("athena")
        ids = client.list_query_executions(WorkGroup="analytics")["QueryExecutionIds"]
        return client.batch_get_query_execution(QueryExecutionIds=ids)["QueryExecutions"]

    return sent


def run(engine, question, layout, finish):
    return finish(engine, engine.begin(question, layout.unload, "apples"))


def test_the_statements_are_those_of_the_golden_file(engine, layout, ask, finish, sent):
    run(engine, ask(extract={"slices": 3}), layout, finish)
    unload, describe = sent()[:2]
    written = f"{describe['Query']}\n\n{unload['Query']}\n"
    assert written == (PROJECT / "tests/golden/athena_unload.sql").read_text()
    assert unload["WorkGroup"] == "analytics"
    assert unload["QueryExecutionContext"] == {"Catalog": "AwsDataCatalog", "Database": "dev"}
    place = f"s3://{BUCKET}/runs/apples/2013-06-01/attempt/unload-results/"
    assert unload["ResultConfiguration"] == {"OutputLocation": place}


def test_rows_are_written_under_the_key_that_is_named(sagemaker_local_server, warehouse, s3, sent):
    settings = replace(ATHENA, kms_key="arn:aws:kms:key")
    api = AthenaApi(sagemaker_local_server.client("athena"), settings)
    api.finish(api.begin("SELECT 1 AS n", "apples", S3Uri(BUCKET, "results")))
    assert sent()[0]["ResultConfiguration"]["EncryptionConfiguration"] == {
        "EncryptionOption": "SSE_KMS",
        "KmsKey": "arn:aws:kms:key",
    }


def test_types_are_exact(engine, objects, layout, ask, finish, warehouse, partition, sent):
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE typed AS SELECT 1 AS apple_id, CAST(0.10 AS numeric(9,4)) AS exact,"
            " CAST(0.1 AS real) AS small, true AS flag, DATE '2013-06-01' AS day,"
            " TIMESTAMPTZ '2013-06-01 12:30:00.5+02' AS moment,"
            " CAST(NULL AS bigint) AS nothing, 'back\\slash \"q\"' AS words"
        )
    columns = ["exact", "small", "flag", "day", "moment", "nothing", "words"]
    question = ask("SELECT * FROM typed WHERE day = :partition", record={"features": columns})
    unloaded = run(engine, question, layout, finish)
    assert unloaded.instants == ("moment",)
    # A value of Athena has a zone of its own, one of PostgreSQL has not: here it is the text.
    assert """CAST("moment" AT TIME ZONE 'UTC' AS timestamp) AS "moment",""" in sent()[0]["Query"]
    assert abs(datetime.now(UTC) - unloaded.read_at) < timedelta(minutes=5)
    objects.put(layout.unloaded, unloaded.to_json())
    source = UnloadedSource(objects, layout.unloaded)
    index = extract(question.pipeline, partition, source, objects, layout)
    assert objects.get(layout.input / index.shards[0].name).decode() == (
        "1,0.1000,0.10000000149011612,true,2013-06-01,2013-06-01T10:30:00.5+00:00,,"
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
def test_a_query_that_cannot_be_unloaded_is_refused_in_athenas_words(
    engine, layout, ask, finish, query, complaint
):
    question = ask(f"{query} WHERE :partition IS NOT NULL", extract={"slices": 2})
    with pytest.raises(SourceError) as refusal:
        run(engine, question, layout, finish)
    assert complaint in str(refusal.value)


def test_a_failure_of_the_service_is_cured_by_waiting(engine, layout, ask, finish, switch):
    switch("service_fails")
    with pytest.raises(Unreachable, match="Athena failed: .*a worker was lost"):
        run(engine, ask(), layout, finish)


def test_a_file_that_the_manifest_lacks_is_refused(engine, layout, ask, finish, switch):
    switch("file_too_many")
    with pytest.raises(ManifestError, match="files that Athena did not list, .*/orphan. Clear"):
        run(engine, ask(), layout, finish)


def test_queries_of_others_are_left_alone(sagemaker_local_server, warehouse, s3):
    client = sagemaker_local_server.client("athena")
    api = AthenaApi(client, ATHENA)
    place = S3Uri(BUCKET, "results")
    slow = "SELECT pg_sleep(60) IS NULL AS n"
    mine = [api.begin(slow, f"root/{number}", place) for number in range(3)]
    other = api.begin(slow, "elsewhere/1", place)
    elsewhere = AthenaApi(client, replace(ATHENA, workgroup="primary"))
    theirs = elsewhere.begin(slow, "root/4", place)
    found = [(name, execution) for execution, name in api.running_from("root/")]
    assert sorted(found) == [(f"root/{number}", each) for number, each in enumerate(mine)]
    assert api.running("root/1") == [mine[1]]
    api.cancel(mine[1])
    api.cancel(mine[1])
    assert api.running("root/1") == []
    for execution in (*mine, other, theirs):
        api.cancel(execution)
