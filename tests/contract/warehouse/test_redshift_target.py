"""What is Redshift's own: a batch that goes on by itself, and what may become of it."""

import threading
import time

import psycopg
import pytest

from batch_transform.scoring.errors import (
    OutputError,
    TargetLocked,
    TargetMismatch,
    TargetRefused,
    Unreachable,
)
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.filed import RowFile
from batch_transform.scoring.outputs.staged import StagedColumn
from tests.contract.warehouse.conftest import BUCKET, RedshiftLab
from tests.contract.warehouse.loads import BAD, FIRST, NUMBERS, a_load, replace, stage_of
from tests.contract.warehouse.test_warehouse import NEW, OLD, Crash

TURN = 'predictions."batch_transform_turn_Order"'


@pytest.fixture
def lab(database, sagemaker_local_server):
    opened = RedshiftLab(database, sagemaker_local_server)
    yield opened
    opened.close()


@pytest.fixture
def switch(sagemaker_local_server):
    yield sagemaker_local_server.switch
    sagemaker_local_server.switch(redshift_unload="as_documented")


@pytest.fixture
def turn(lab):
    """Hold the turn of a target that has rows, so that loads wait for it."""
    replace(lab.warehouse(), lab.target, FIRST, OLD)
    with lab.connect() as holder:
        holder.execute(f"LOCK {TURN}")
        yield holder


def in_thread(work):
    """Run something; its end is in the list that is returned."""
    ended = []

    def run():
        try:
            ended.append(work())
        except Exception as error:  # looked at by the test
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, ended


def until(is_so):
    """Wait for what another process does."""
    last = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < last
        time.sleep(0.02)


def test_a_batch_that_fails_at_any_statement_has_changed_nothing(lab, database):
    old = (BAD.model_copy(update={"line": 9, "reason": "old"}),)
    replace(lab.warehouse(), lab.target, FIRST, OLD, quarantined=old)
    before = (lab.content(), lab.loads(), lab.quarantined(FIRST))
    failures = 0
    for place in range(2, 40):
        lab.server.control("PUT", "redshift", {"dsn": database, "fails_at": place})
        try:
            replace(lab.warehouse(), lab.target, FIRST, NEW, quarantined=(BAD, *old))
            break
        except Unreachable:
            failures += 1
        assert (lab.content(), lab.loads(), lab.quarantined(FIRST)) == before, place
    assert failures == 11, "each statement of the swap but the first, which reads share"
    assert lab.content() == {FIRST: NEW}
    assert (lab.loads(), len(lab.quarantined(FIRST))) == (2, 2)


def test_a_statement_that_its_worker_left_is_found_and_waited_for(lab, turn):
    def crash(name):
        if name == "wait":
            raise Crash

    with pytest.raises(Crash):
        replace(lab.warehouse(crash), lab.target, FIRST, NEW)
    thread, ended = in_thread(lambda: replace(lab.warehouse(), lab.target, FIRST, NEW))
    until(lambda: len(running(lab)) == 1)
    assert lab.content() == {FIRST: OLD}
    turn.rollback()
    thread.join(60)
    assert (ended[0].rows, ended[0].changed) == (3, True)
    assert (lab.content(), lab.loads()) == ({FIRST: NEW}, 2)


def running(lab):
    found = lab.client.list_statements(Status="STARTED")["Statements"]
    return [each["StatementName"] for each in found if each["StatementName"].startswith("apples/")]


def test_a_load_that_is_stopped_has_changed_nothing(lab, turn):
    said = []
    warehouse = lab.warehouse(said.append)
    thread, ended = in_thread(lambda: replace(warehouse, lab.target, FIRST, NEW))
    until(lambda: running(lab) and "wait" in said)  # it knows what it has begun
    warehouse.stop()
    thread.join(60)
    assert isinstance(ended[0], TargetRefused)
    assert "was stopped by somebody; nothing was changed" in str(ended[0])
    turn.rollback()
    assert (lab.content(), running(lab)) == ({FIRST: OLD}, [])
    warehouse.stop()


def test_readers_do_not_wait_while_a_load_waits_for_its_turn(lab, turn):
    thread, _ = in_thread(lambda: replace(lab.warehouse(), lab.target, FIRST, NEW))
    until(lambda: running(lab))
    assert lab.content() == {FIRST: OLD}
    turn.rollback()
    thread.join(60)
    assert lab.content() == {FIRST: NEW}


def test_a_conflict_that_does_not_pass_is_told_after_some_tries(lab, switch):
    replace(lab.warehouse(), lab.target, FIRST, OLD)
    switch(redshift_unload="conflict")
    with pytest.raises(TargetLocked, match="Others loaded into predictions.Order at each of 10"):
        replace(lab.warehouse(), lab.target, FIRST, NEW)
    assert lab.content() == {FIRST: OLD}


class Wrong:
    """Rows whose files are not what they are said to be."""

    def __init__(self, staged, spoil):
        self._staged, self._spoil = staged, spoil

    def count(self):
        return self._staged.count()

    def here(self):
        return self._staged

    def filed(self, objects, prefix):
        return self._spoil(self._staged.filed(objects, prefix), objects)


def twice(files, objects):
    return files * 2


def gone(files, objects):
    return [*files, RowFile(uri=f"s3://{BUCKET}/gone.parquet", rows=1, bytes=9)]


def other(files, objects):
    uri = S3Uri.parse(files[0].uri)
    objects.put(uri, objects.get(uri) + b" ")
    return files


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (twice, OutputError, "copied another number of rows than were proven; nothing was"),
        (gone, TargetRefused, "Mandatory url is not present in manifest"),
        (other, TargetRefused, "bytes, and .* were listed"),
    ],
)
def test_files_that_are_not_those_that_were_proven_change_nothing(lab, spoil, error, words):
    replace(lab.warehouse(), lab.target, FIRST, OLD)
    load = a_load(lab.target, FIRST, NEW)
    with stage_of(load, NEW) as staged, pytest.raises(error, match=words):
        lab.warehouse().replace(load, Wrong(staged, spoil))
    assert (lab.content(), lab.loads()) == ({FIRST: OLD}, 1)


def test_an_id_that_comes_twice_changes_nothing(lab):
    with pytest.raises(OutputError, match="have an id twice; nothing was changed"):
        replace(lab.warehouse(), lab.target, FIRST, [(1, 0.5), (1, 0.25)])
    assert lab.content() == {}


def test_what_writes_to_the_partition_meanwhile_is_seen(lab):
    replace(lab.warehouse(), lab.target, FIRST, OLD)
    with lab.connect(autocommit=True) as connection:
        connection.execute(
            'CREATE RULE one_less AS ON INSERT TO predictions."Order" WHERE new.score = 1.0'
            " DO INSTEAD NOTHING"
        )
    with pytest.raises(OutputError, match="would hold another number of rows than were loaded"):
        replace(lab.warehouse(), lab.target, FIRST, NEW)
    assert lab.content() == {FIRST: OLD}


def test_columns_are_held_to_those_declared_and_added_where_they_may_be(lab):
    replace(lab.warehouse(), lab.target, FIRST, OLD)
    more = (*NUMBERS, StagedColumn(name="sort", type="text", nullable=True))
    rows = [(1, 0.5, "red")]
    with pytest.raises(TargetMismatch, match="sort is missing; target.add_columns"):
        replace(lab.warehouse(), lab.target, FIRST, rows, columns=more)
    adding = lab.target.model_copy(update={"add_columns": True})
    replace(lab.warehouse(), adding, FIRST, rows, columns=more)
    assert lab.content() == {FIRST: rows}
    other = (NUMBERS[0], StagedColumn(name="score", type="bigint"))
    with pytest.raises(TargetMismatch, match="score is double precision, but declared bigint"):
        replace(lab.warehouse(), lab.target, FIRST, [(1, 2)], columns=other)


def test_a_privilege_that_is_lacking_is_named(lab, database):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE redshift_loader LOGIN")
        try:
            dsn = psycopg.conninfo.make_conninfo(database, user="redshift_loader")
            lab.server.control("PUT", "redshift", {"dsn": dsn})
            with pytest.raises(TargetRefused, match=r"lacks a privilege .* lists the grants"):
                replace(lab.warehouse(), lab.target, FIRST, OLD)
        finally:
            connection.execute("DROP OWNED BY redshift_loader; DROP ROLE redshift_loader")
