"""A load from the objects in S3 to the rows of a real PostgreSQL."""

import json
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from pydantic import ValidationError

from batch_transform.scoring.errors import (
    OutputError,
    PartitionBlocked,
    Superseded,
    TargetMismatch,
)
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.coverage import Coverage
from batch_transform.scoring.outputs.sent import covered
from batch_transform.scoring.publish.load import load
from batch_transform.scoring.publish.load_run import LoadRun
from batch_transform.scoring.records.quarantine import Quarantined, from_json_lines
from batch_transform.scoring.testing import InMemoryObjects
from batch_transform.scoring.warehouse.postgres import PostgresWarehouse
from tests.factories import DAY, a_job
from tests.unit.scoring.outputs.partitions import OUTPUTS, Sent, put

QUARANTINE = S3Uri("bucket", "run/quarantine")
NOW = datetime(2013, 6, 2, 2, 30, tzinfo=UTC)


@pytest.fixture
def run(connection, objects):
    """Load scores by apple; ``bad`` are written as the model wrote them."""

    def ours():
        return nullcontext(PostgresWarehouse(connection))

    def run(pipeline, scores, *, partition=DAY, lend=ours, objects=objects, **changes):
        sent = "".join(f"{apple},0.5,red\n" for apple in scores).encode()
        out = "".join(f"{apple},0.5,red,{score}\n" for apple, score in scores.items()).encode()
        ids = list(scores)
        shards = [Sent("part-00000.csv", sent, ids[:1], ids[-1:])] if ids else []
        outputs = {"part-00000.csv": out} if ids else {}
        index = put(objects, pipeline, shards, outputs)
        index = index.model_copy(update={"partition": partition})
        job = changes.pop("job", a_job(ModelName="apples-v3"))
        coverage = covered(index, job, objects) if job else Coverage(parts=())
        this = LoadRun(
            pipeline=pipeline,
            index=index,
            coverage=coverage.model_copy(update={"jobs": changes.pop("sent_again", ())}),
            quarantine=QUARANTINE,
            job=job,
            run_id="scheduled__2013-06-01",
            now=lambda: NOW,
            **changes,
        )
        return load(this, objects, lend)

    return run


def rows(connection, table="predictions.apples"):
    found = connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
    connection.commit()
    return found


def quarantine(connection):
    query = (
        "SELECT pipeline, partition, id, line, reason FROM predictions.batch_transform_quarantine"
    )
    found = connection.execute(query).fetchall()
    connection.commit()
    return found


def ledger(connection, columns):
    query = f"SELECT {columns} FROM predictions.batch_transform_ledger ORDER BY load_id"
    found = connection.execute(query).fetchall()
    connection.commit()
    return found


def test_a_load_makes_the_table_and_writes_the_ledger(run, connection, make_pipeline):
    loaded = run(make_pipeline(), {1: 0.5, 9007199254740993: 0.25})
    assert (loaded.rows, loaded.changed, loaded.quarantined, loaded.findings) == (2, True, 0, ())
    assert rows(connection) == [(DAY, 1, 0.5), (DAY, 9007199254740993, 0.25)]
    assert ledger(
        connection, "target, pipeline, partition, job_name, model, source_rows, rows"
    ) == [("predictions.apples", "apples", DAY, "apples-job", "apples-v3", 2, 2)]
    assert ledger(connection, "run_id, loaded_at, instance_type, transform_seconds") == [
        ("scheduled__2013-06-01", NOW, "ml.c5.large", 60.0)
    ]
    assert ledger(connection, "profile -> 'sweetness' ->> 'mean'") == [("0.375",)]
    with pytest.raises(psycopg.errors.UniqueViolation), connection.transaction():
        connection.execute("INSERT INTO predictions.apples VALUES ('2013-06-01', 1, 0)")


def test_outputs_of_another_job_are_loaded_though_the_shards_are_the_same(
    run, connection, make_pipeline
):
    run(make_pipeline(), {1: 0.5})
    assert run(make_pipeline(), {1: 0.5}).changed is False
    assert run(make_pipeline(), {1: 0.75}, job=a_job("apples-job-g2")).changed is True
    assert rows(connection) == [(DAY, 1, 0.75)]


def test_a_load_names_each_job_whose_answers_it_has(run, make_pipeline):
    again = ("apples-3", "apples-4")
    loaded = run(make_pipeline(), {1: 0.5}, beside=(a_job("apples-2"),), sent_again=again)
    assert json.loads(loaded.to_json())["jobs"] == ["apples-job", "apples-2", *again]
    assert loaded.entry.transform_jobs == len(loaded.jobs)
    assert run(make_pipeline(), {}, job=None, publish_blocked=True).jobs == ()


def test_a_run_that_publishes_nothing_says_what_it_would_and_leaves_everything(
    run, connection, make_pipeline
):
    run(make_pipeline(), {1: 0.5, 2: 0.25})
    mean = {"mean": {"sweetness": {"leq_to": 0.5}}}
    tried = run(make_pipeline(checks=mean), {1: 1.0, 3: 0.75}, unpublished="publish is off")
    assert (tried.unpublished, tried.changed, tried.rows) == ("publish is off", False, 2)
    moved = "would replace 2 rows with 2; mean 0.375 → 0.875; 3 predictions differ"
    assert tried.replaces == moved
    assert tried.flips == {"fail_now": ["mean of sweetness"], "failed_before": []}
    assert [finding.check for finding in tried.findings] == ["mean of sweetness"]
    assert rows(connection) == [(DAY, 1, 0.5), (DAY, 2, 0.25)]
    assert len(ledger(connection, "rows")) == 1


def test_a_sample_is_not_asked_for_as_many_rows_as_the_days_before_had(run, make_pipeline):
    before = DAY - timedelta(days=1)
    run(make_pipeline(), dict.fromkeys(range(9), 0.5), partition=before)
    few = {"unpublished": "it is a sample"}
    assert [each.check for each in run(make_pipeline(), {1: 0.5}, **few).findings] == ["row_count"]
    assert run(make_pipeline(), {1: 0.5}, is_sample=True, **few).findings == ()


def test_rows_that_somebody_deleted_come_back(run, connection, make_pipeline):
    run(make_pipeline(), {1: 0.5, 2: 0.25})
    connection.execute("DELETE FROM predictions.apples WHERE apple_id = 1")
    connection.commit()
    assert run(make_pipeline(), {1: 0.5, 2: 0.25}).changed is True
    assert rows(connection) == [(DAY, 1, 0.5), (DAY, 2, 0.25)]


def test_an_output_that_is_not_whole_touches_nothing(run, connection, make_pipeline, objects):
    run(make_pipeline(), {1: 0.5})
    with pytest.raises(OutputError, match="1 of 1 records have no fit prediction"):
        run(make_pipeline(limits={"bad_records": 0}), {1: 1.5})
    assert rows(connection) == [(DAY, 1, 0.5)]
    assert len(ledger(connection, "rows")) == 1


def test_unfit_predictions_up_to_the_limit_go_to_quarantine_with_their_ids(
    run, connection, make_pipeline, objects
):
    pipeline = make_pipeline(limits={"bad_records": "50%"})
    loaded = run(pipeline, {1: 0.5, 9007199254740993: "ERROR"})
    assert (loaded.rows, loaded.quarantined) == (1, 1)
    assert rows(connection) == [(DAY, 1, 0.5)]
    assert ledger(connection, "records, quarantined, rows") == [(2, 1, 1)]
    (kept,) = from_json_lines(objects.get(QUARANTINE / "records.jsonl"))
    assert kept == Quarantined(
        id=("9007199254740993",),
        shard="part-00000.csv",
        line=2,
        reason="sweetness is 'ERROR', not double",
        record="9007199254740993,0.5,red",
    )
    assert quarantine(connection) == [("apples", DAY, ["9007199254740993"], 2, kept.reason)]
    assert ledger(connection, "quarantine") == [(str(QUARANTINE / "records.jsonl"),)]
    run(pipeline, {1: 0.5, 9007199254740993: 0.5})
    assert quarantine(connection) == [], "what is in quarantine is what is in no row"
    with pytest.raises(OutputError, match=r"2 of 3 records have no fit prediction.*allows 1;"):
        run(pipeline, {1: 0.5, 2: "ERROR", 3: "ERROR"})


def test_a_blocked_partition_is_published_by_hand_alone(run, connection, make_pipeline, objects):
    pipeline = make_pipeline(checks={"mean": {"sweetness": {"geq_to": 0.4}}})
    run(pipeline, {1: 0.5})
    with pytest.raises(PartitionBlocked, match=r"mean of sweetness: 0\.2; 0\.4 to inf") as caught:
        run(pipeline, {1: 0.2, 2: 0.2})
    assert "publish_blocked" in str(caught.value)
    assert rows(connection) == [(DAY, 1, 0.5)]
    assert objects.get(OUTPUTS / "part-00000.csv.out")
    loaded = run(pipeline, {1: 0.2, 2: 0.2}, publish_blocked=True)
    assert loaded.flips == {"fail_now": ["mean of sweetness"], "failed_before": []}
    first = run(pipeline, {1: 0.2}, partition=DAY + timedelta(days=1), publish_blocked=True)
    assert first.findings
    assert first.flips == {"fail_now": [], "failed_before": []}, "there was nothing to hold"
    assert [str(each) for each in loaded.findings] == [
        "mean of sweetness: 0.2; 0.4 to inf is allowed"
    ]
    again = run(pipeline, {1: 0.2, 2: 0.2})
    assert (again.changed, again.findings) == (False, loaded.findings), "published already"
    assert rows(connection)[:2] == [(DAY, 1, 0.2), (DAY, 2, 0.2)]
    assert ledger(connection, "findings")[-1] == (
        ["mean of sweetness: 0.2; 0.4 to inf is allowed"],
    )


def test_the_row_count_is_held_to_the_partitions_before(run, make_pipeline):
    pipeline = make_pipeline(checks={"row_count": {"level": "block", "tolerance": "10%"}})
    for day in (1, 2):
        run(pipeline, dict.fromkeys(range(10), 0.5), partition=date(2013, 6, day))
    with pytest.raises(
        PartitionBlocked, match=r"row_count: 8 rows; the last 2 .* 10\.0 on average"
    ):
        run(pipeline, dict.fromkeys(range(8), 0.5), partition=date(2013, 6, 3))


def test_a_partition_does_not_become_empty_by_itself(run, connection, make_pipeline):
    run(make_pipeline(), {1: 0.5})
    with pytest.raises(
        PartitionBlocked, match=r"empty: there is no row, and the partition holds 1"
    ):
        run(make_pipeline(), {}, job=None)
    assert rows(connection) == [(DAY, 1, 0.5)]
    next_day = {"partition": date(2013, 6, 2), "job": None}
    with pytest.raises(PartitionBlocked, match=r"empty: .* the last 1 partitions had some"):
        run(make_pipeline(), {}, **next_day)
    assert run(make_pipeline(), {}, publish_blocked=True, **next_day).rows == 0
    assert run(make_pipeline(), {}, publish_blocked=True, job=None).changed is True
    assert rows(connection) == []
    assert run(make_pipeline(checks={"empty": {"level": "off"}}), {}, job=None).changed is False


def test_no_connection_is_open_while_outputs_are_read(run, connection, make_pipeline):
    run(make_pipeline(), {1: 0.5})
    opened = []

    @contextmanager
    def lend():
        opened.append("opened")
        yield PostgresWarehouse(connection)
        opened.append("closed")

    class Noting(InMemoryObjects):
        def pieces(self, uri):
            opened.append(uri.key.rpartition("/")[2])
            return super().pieces(uri)

    run(make_pipeline(), {1: 0.75}, lend=lend, objects=Noting())
    assert opened[-4:] == ["part-00000.csv", "part-00000.csv.out", "opened", "closed"]


def test_an_older_extract_is_refused_and_names_the_run(run, connection, make_pipeline):
    run(make_pipeline(), {1: 0.5}, snapshot_at=NOW)
    earlier = NOW - timedelta(hours=1)
    with pytest.raises(Superseded, match=r"run scheduled__2013-06-01, whose extract .* 02:30:00"):
        run(make_pipeline(), {1: 0.75}, job=a_job("apples-job-0"), snapshot_at=earlier)
    assert rows(connection) == [(DAY, 1, 0.5)]
    assert ledger(connection, "snapshot_at") == [(NOW,)]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("picked_on date, sweetness float8", "apple_id is missing"),
        ("apple_id int8, sweetness float8", "picked_on is missing"),
        ("picked_on date, apple_id int4, sweetness float8", "apple_id is integer, but declared b"),
        ("picked_on text, apple_id int8, sweetness float8", "picked_on is text, but declared date"),
        ("picked_on date, apple_id int8", "sweetness is missing; target.add_columns: true would"),
        (
            "picked_on date, apple_id int8, sweetness float8, extra int NOT NULL",
            "extra is not declared, yet may not be NULL",
        ),
    ],
)
def test_a_table_of_other_columns_is_refused(run, connection, make_pipeline, table, message):
    connection.execute(f"CREATE TABLE predictions.apples ({table})")
    connection.commit()
    with pytest.raises(TargetMismatch, match=message):
        run(make_pipeline(), {1: 0.5})
    assert rows(connection, "predictions.apples") == []


def test_columns_that_fill_themselves_may_stand_beside(run, connection, make_pipeline):
    connection.execute(
        "CREATE TABLE predictions.apples (picked_on date, note text, sweetness float8, "
        "apple_id int8, at timestamptz NOT NULL DEFAULT '2013-06-02Z')"
    )
    connection.commit()
    run(make_pipeline(), {1: 0.5})
    assert [row[:4] for row in rows(connection)] == [(DAY, None, 0.5, 1)]


def test_a_new_prediction_becomes_a_column_where_the_pipeline_allows_it(
    run, connection, make_pipeline
):
    run(make_pipeline(), {1: 0.5})
    both = {"predictions": {"sweetness": {"at": -1}, "again": {"at": -1}}}
    with pytest.raises(TargetMismatch, match="again is missing"):
        run(make_pipeline(**both), {2: 0.25}, partition=date(2013, 6, 2))
    run(make_pipeline(**both, target={"add_columns": True}), {2: 0.25}, partition=date(2013, 6, 2))
    assert rows(connection) == [(DAY, 1, 0.5, None), (date(2013, 6, 2), 2, 0.25, 0.25)]


def test_a_table_that_drops_rows_changes_nothing(run, connection, make_pipeline):
    run(make_pipeline(), {1: 0.5})
    connection.execute(
        "CREATE FUNCTION predictions.drop_row() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN IF NEW.apple_id = 2 THEN RETURN NULL; END IF; RETURN NEW; END';"
        " CREATE TRIGGER dropping BEFORE INSERT ON predictions.apples"
        " FOR EACH ROW EXECUTE FUNCTION predictions.drop_row()"
    )
    connection.commit()
    with pytest.raises(OutputError, match="would hold 1 rows, but 2 were loaded; nothing was"):
        run(make_pipeline(), {1: 0.75, 2: 0.75})
    assert rows(connection) == [(DAY, 1, 0.5)]


def test_a_table_partitioned_by_range_of_days_is_swapped_too(run, connection, make_pipeline):
    connection.execute(
        "CREATE TABLE predictions.apples (picked_on date NOT NULL, apple_id int8 NOT NULL,"
        " sweetness float8, PRIMARY KEY (picked_on, apple_id)) PARTITION BY RANGE (picked_on);"
        "CREATE TABLE predictions.other PARTITION OF predictions.apples"
        " FOR VALUES FROM ('2013-06-01') TO ('2013-06-02')"
    )
    connection.commit()
    pipeline = make_pipeline(target={"swap": "partitions"})
    run(pipeline, {1: 0.5})
    run(pipeline, {2: 0.25})
    assert rows(connection) == [(DAY, 2, 0.25)]
    assert rows(connection, "predictions.apples_20130601") == [(DAY, 2, 0.25)]
    assert connection.execute("SELECT to_regclass('predictions.other')").fetchone() == (None,)


@pytest.mark.parametrize("bound", ["FOR VALUES FROM ('2013-06-01') TO ('2013-07-01')", "DEFAULT"])
def test_a_table_that_has_other_days_beside_the_partition_is_refused(
    run, connection, make_pipeline, bound
):
    connection.execute(
        "CREATE TABLE predictions.apples (picked_on date NOT NULL, apple_id int8 NOT NULL,"
        " sweetness float8, PRIMARY KEY (picked_on, apple_id)) PARTITION BY RANGE (picked_on);"
        f"CREATE TABLE predictions.june PARTITION OF predictions.apples {bound};"
        "INSERT INTO predictions.apples VALUES ('2013-06-01', 1, 0.5), ('2013-06-02', 1, 0.5)"
    )
    connection.commit()
    with pytest.raises(TargetMismatch, match=r"a table with other days.*swap: rows"):
        run(make_pipeline(target={"swap": "partitions"}), {2: 0.75})
    assert rows(connection) == [(DAY, 1, 0.5), (date(2013, 6, 2), 1, 0.5)]


def test_a_table_that_is_not_partitioned_by_its_date_is_refused(run, make_pipeline):
    run(make_pipeline(), {1: 0.5})
    with pytest.raises(TargetMismatch, match=r"not partitioned by picked_on alone.*swap: rows"):
        run(make_pipeline(target={"swap": "partitions"}), {2: 0.75})


@pytest.mark.parametrize("swap", ["rows", "partitions"])
def test_keywords_and_capitals_are_quoted(run, connection, make_pipeline, swap):
    pipeline = make_pipeline(
        record={"id": ["Select"]},
        predictions={"user": {"at": -1}},
        target={"table": "predictions.Order", "partition_column": "Group", "swap": swap},
    )
    run(pipeline, {1: 0.5})
    run(pipeline, {2: 0.5})
    row = connection.execute('SELECT "Group", "Select", "user" FROM predictions."Order"').fetchone()
    assert row == (DAY, 2, 0.5)


HOSTILE = ['a"b', "a'b", "a; drop table x", "a.b.c", "", "a b", "a" * 64, "ä", "a\n", "a--"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused_before_anything_is_done(make_pipeline, name):
    for changes in (
        {"target": {"table": name}},
        {"target": {"partition_column": name}},
        {"predictions": {name: {"at": -1}}},
        {"record": {"id": [name]}},
    ):
        with pytest.raises(ValidationError):
            make_pipeline(**changes)


def test_a_hostile_pipeline_name_is_a_value_like_any_other(run, connection, make_pipeline):
    name = "x'); DROP TABLE predictions.apples; --"
    run(make_pipeline().model_copy(update={"name": name}), {1: 0.5})
    assert ledger(connection, "pipeline") == [(name,)]
    assert rows(connection) == [(DAY, 1, 0.5)]
