"""Rows from a table and back: the provider's operators beside ours, on the same services.

Each test is a row of ``docs/stock-vs-ours.md``, which ``test_stock_vs_ours.py`` holds to its tests.
"""

import gc
import json
import re

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from airflow.sdk.execution_time import task_runner
from botocore.exceptions import ParamValidationError

from batch_transform.operators.extract import ExtractOperator
from batch_transform.operators.load import LoadOperator
from batch_transform.scoring.errors import PipelineInvalid, ServiceBroken
from batch_transform.scoring.pipelines import read_pipeline
from sagemaker_local.container import listening
from tests.integration.orchard import QUERY, ROLE, Model, Orchard, Ours, Stock, context
from tests.unit.airflow.conftest import Supervisor
from tests.unit.scoring.test_pipelines import QUERY as VALID_QUERY
from tests.unit.scoring.test_pipelines import VALID

pytestmark = [
    # SqlToS3Operator leaves its connection to the garbage collector.
    pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
BIG = 2**53 + 1
APPLES = [(1, 0.5, "red"), (2, 0.25, "green"), (3, 0.75, "red")]
SCORES = [(1, 0.5), (2, 0.25), (3, 0.75)]


@pytest.fixture(scope="module", autouse=True)
def left_open():
    """Collect what the provider left open while it may be, and not in a test of another module."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def image():
    with listening(Model) as url:
        yield url


@pytest.fixture
def orchard(sagemaker_local, image, connection, request, monkeypatch):
    """The services as both sides reach them, by Airflow connections."""
    aws = sagemaker_local
    extra = {"endpoint_url": aws.endpoint_url, "region_name": "us-east-1"}
    keys = {"login": "test", "password": "test-key"}
    info = connection.info
    for name, spec in (
        ("AWS_DEFAULT", {"conn_type": "aws", "extra": extra, **keys}),
        ("WAREHOUSE", {"conn_type": "postgres", "host": info.host, "login": info.user}),
    ):
        schema = {"schema": info.dbname} if name == "WAREHOUSE" else {}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps({**spec, **schema}))
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", Supervisor(), raising=False)
    monkeypatch.setattr("batch_transform.following.job_task._AT_FIRST_SECONDS", 120)
    monkeypatch.setattr("batch_transform.following.job_task._LOOK_SECONDS", 0.1)
    name = re.sub("[^a-z]+", "-", request.node.name)[-40:].strip("-")
    aws.client("sagemaker").create_model(
        ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": image}
    )
    return Orchard(aws, connection, name)


@pytest.fixture
def stock(orchard):
    return Stock(orchard)


@pytest.fixture
def ours(orchard):
    return Ours(orchard)


def test_the_same_day_again(orchard, stock, ours):
    """The day runs again, and its data are the same."""
    orchard.pick(*APPLES)
    for _ in range(2):
        stock.day()
    assert len(stock.jobs) == 2, "paid twice"
    assert [ours.day(attempt)[0] for attempt in ("first", "second")] == ["started", "reused"]
    assert len(ours.jobs) == 1
    assert stock.rows == ours.rows == SCORES


def test_an_extract_that_is_cleared_alone(orchard, stock, ours):
    """The extract alone runs again after the source has changed, and then the load."""
    orchard.pick(*APPLES)
    stock.day()
    job_name, _ = ours.transform(ours.extract())
    orchard.pick((2, 0.9, "green"), (4, 0.1, "red"))
    stock.extract()
    stock.load()
    assert stock.rows == SCORES, "a new extract, and the predictions of the one before"
    changed = ours.extract("second")
    with pytest.raises(AirflowFailException, match="read other records than the extract"):
        ours.load(changed, job_name)


def test_outputs_of_a_run_before(orchard, stock, ours):
    """The source has fewer rows than when the day ran before, and so fewer files."""
    ours.changes = {"shards": {"min_count": 3}}
    orchard.pick(*APPLES)
    stock.day(max_rows_per_file=1)
    ours.day()
    orchard.pick(*APPLES[:1])
    stock.day(max_rows_per_file=1)
    ours.day("second")
    assert stock.rows == SCORES, "two of them are in the source no more"
    assert ours.rows == SCORES[:1]


def test_one_bad_record(orchard, stock, ours):
    """The model refuses one record of many."""
    orchard.pick(*APPLES, (4, 0.1, "bad"))
    with pytest.raises(AirflowException, match="AlgorithmError|ClientError"):
        stock.day()
    assert stock.rows == []
    _, loaded = ours.day()
    assert (ours.rows, loaded["quarantined"]) == (SCORES, 1)


def test_a_service_that_breaks_every_job(orchard, stock, ours):
    """Every job fails with InternalServerError after it started; the task has three tries."""
    orchard.pick(*APPLES)
    orchard.aws.control("POST", "faults", {"fault": "internal-server-error", "times": 6})
    stock.extract()
    for _ in range(3):
        with pytest.raises(AirflowException, match="InternalServerError"):
            stock.transform()
    assert len(stock.jobs) == 3
    index, tries = ours.extract(), context()["task_state_store"]
    errors = ServiceBroken, ServiceBroken, AirflowFailException
    for attempt, error in enumerate(errors, 1):
        with pytest.raises(error, match="InternalServerError"):
            ours.transform(index, f"try {attempt}", task_state_store=tries)
    assert len(ours.jobs) == 2


def test_a_job_that_fails_for_some_files_is_cleared(orchard, stock, ours):
    """A job failed for one file of several, and the day runs again."""
    ours.changes = {"shards": {"min_count": 4}}
    orchard.pick(*APPLES, (4, 0.1, "bad"))
    for _ in range(2):
        with pytest.raises(AirflowException, match="AlgorithmError|ClientError"):
            stock.day(max_rows_per_file=1)
    assert list(stock.jobs.values()) == ["Failed", "Failed"]
    ours.day()
    paid = ours.jobs
    ours.day("second")
    assert ours.jobs == paid


def test_an_older_load_that_ends_last(orchard, stock, ours):
    """A run that waited long ends after a later one with newer data."""
    newer = [(1, 0.9, "red")]
    orchard.pick(*APPLES)
    waiting = ours.extract("first")
    stock.extract()
    stock.transform()
    held = orchard.objects("stock/out/")
    orchard.pick(*newer)
    ours.day("second")
    stock.day()
    for key, body in held.items():  # the older run's own outputs, wherever it has them
        orchard.s3.put_object(Bucket=orchard.name, Key=key, Body=body)
    stock.load()
    assert stock.rows == SCORES, "the newer data are gone"
    with pytest.raises(AirflowFailException, match="holds newer data: those of run nightly"):
        ours.load(waiting, ours.transform(waiting)[0])
    assert ours.rows == [(1, 0.9)]


def test_a_load_that_breaks_half_way(orchard, stock, ours):
    """The database refuses a row in the middle of the load."""
    before = [(number, 0.5) for number in range(2)]
    orchard.pick(*((number, score, "red") for number, score in before))
    stock.day()
    ours.day()
    for table in (stock.table, ours.table):
        orchard.run(f"ALTER TABLE {table} ADD CHECK (apple_id < 1500)")
    orchard.pick(*((number, 0.75, "red") for number in range(2000)))
    with pytest.raises(psycopg.errors.CheckViolation):
        stock.day()
    assert len(stock.rows) == 1000, "the day has neither its old rows nor its new ones"
    with pytest.raises(AirflowFailException, match="A constraint of .* nothing was changed"):
        ours.day("second")
    assert ours.rows == before


def test_a_day_whose_data_have_not_come(orchard, stock, ours):
    """The source has no row of a day that was loaded before."""
    orchard.pick(*APPLES)
    stock.day()
    ours.day()
    orchard.pick()
    stock.extract()
    stock.load()
    orchard.s3.delete_object(Bucket=orchard.name, Key="stock/out/apples.csv.out")
    stock.load()
    assert stock.rows == [], "replaced by nothing, and green"
    empty = ours.task(ExtractOperator).execute(context(attempt="second"))["index"]
    with pytest.raises(AirflowFailException, match="there is no row, and the partition holds 3"):
        ours.task(LoadOperator, index=empty, job_name=None, coverage=None).execute(context())
    assert ours.rows == SCORES


def test_large_integers_beside_null(orchard, stock, ours):
    """A column of integers above 2^53 has a NULL."""
    joined = "orchard.apples LEFT JOIN orchard.trees USING (colour)"
    query = f"SELECT apple_id, tree, colour FROM {joined}"
    orchard.run(f"CREATE TABLE orchard.trees AS SELECT 'red' AS colour, {BIG} AS tree")
    orchard.pick(*APPLES)
    stock.extract(query=f"{query} WHERE picked_on = '2013-06-01' ORDER BY 1")
    (body,) = orchard.objects("stock/in/").values()
    assert body.decode().splitlines()[0] == f"1,{BIG - 1},red", "another tree's"
    ours.changes = {"record": {"features": ["tree", "colour"]}}
    ours.query = f"{query} WHERE picked_on = :partition"
    ours.extract()
    (body,) = (
        body for key, body in orchard.objects("ours/").items() if key.endswith("part-00000.csv")
    )
    assert body.decode().splitlines() == [f"1,{BIG},red", "2,,green", f"3,{BIG},red"]


def test_a_text_with_a_line_break(orchard, stock, ours):
    """A text has a line break, on which SageMaker splits records."""
    orchard.pick(*APPLES, (4, 0.1, "red\nor green"))
    stock.extract()
    (body,) = orchard.objects("stock/in/").values()
    assert len(body.splitlines()) == 5, "of four records"
    with pytest.raises(AirflowException, match="failed|Error"):
        stock.transform()
    with pytest.raises(AirflowFailException, match="Row apple_id=4: column colour holds text with"):
        ours.extract()
    assert ours.jobs == {}, "nothing is paid for"
    ours.changes = {"record": {"policies": {"line_break": "space"}}}
    ours.day("second")
    assert ours.rows == [*SCORES, (4, 0.1)]


def test_a_date_beside_the_bounds_of_a_day_elsewhere(orchard, stock, ours):
    """A query compares a column of dates with the bounds of a day in New York."""
    bounds = f"{QUERY.format('{}').replace('=', '>=')} AND picked_on < {{}}"
    orchard.pick(*APPLES)
    orchard.run("UPDATE orchard.apples SET picked_on = picked_on + 1 WHERE apple_id = 3")
    start, end = "2013-06-01 04:00:00+00", "2013-06-02 04:00:00+00"
    stock.extract(query=bounds.format("%(start)s::timestamptz", "%(end)s::timestamptz"),
                  parameters={"start": start, "end": end})  # fmt: skip
    (body,) = orchard.objects("stock/in/").values()
    assert body == b"3,0.75,red\n", "the next day's"
    ours.changes = {"schedule": {"timezone": "America/New_York"}}
    ours.query = bounds.format(":partition_start", ":partition_end")
    ours.day()
    assert ours.rows == SCORES[:2]


def test_a_misspelt_field(orchard, stock, tmp_path):
    """A field of the request is misspelt."""
    orchard.pick(*APPLES)
    stock.extract()
    config = {**stock.config(), "MaxPayloadInMb": 6}
    with pytest.raises(ParamValidationError, match='Unknown parameter in input: "MaxPayloadInMb"'):
        stock.transform(config)  # at night, after the extract
    folder = tmp_path / "apples"
    folder.mkdir()
    (folder / "features.sql").write_text(VALID_QUERY)
    misspelt = "  overrides: {MaxPayloadInMb: 6}\n"
    text = VALID.replace("  strategy: MultiRecord\n", f"  strategy: MultiRecord\n{misspelt}")
    (folder / "pipeline.yaml").write_text(text)
    with pytest.raises(PipelineInvalid, match="pipeline.yaml:19: .*; did you mean MaxPayloadInMB?"):
        read_pipeline(folder)  # when the DAG is parsed
