"""What is Snowflake's own: a session that outlives its worker, and what copies remember."""

import threading

import pytest
from pyarrow import parquet

from batch_transform.scoring.errors import (
    ConfigurationError,
    OutputError,
    TargetMismatch,
    TargetRefused,
    Unreachable,
)
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.filed import RowFile
from batch_transform.scoring.outputs.staged import StagedColumn
from batch_transform.scoring.pipeline import SnowflakePlace
from tests.contract.warehouse.conftest import BUCKET
from tests.contract.warehouse.loads import BAD, FIRST, NUMBERS, a_load, replace, stage_of
from tests.contract.warehouse.test_warehouse import NEW, OLD, Crash


@pytest.fixture
def lab(snowflake_lab):
    return snowflake_lab


def transactions(lab):
    return [row[3] for row in lab.snowflake.run("SHOW TRANSACTIONS")]


def at(place, act):
    """A step at which something happens once."""
    left = [place]

    def step(name):
        if left == [name]:
            left.clear()
            act()

    return step


def crash():
    raise Crash


def abort_all(lab):
    for number, *_ in lab.snowflake.run("SHOW TRANSACTIONS"):
        lab.snowflake.run(f"SELECT SYSTEM$ABORT_TRANSACTION({number})")


def test_a_transaction_that_its_worker_left_open_is_aborted_by_the_next_try(lab):
    replace(lab.warehouse(), lab.target, FIRST, OLD)
    with pytest.raises(Crash):
        replace(lab.warehouse(at("insert_rows", crash)), lab.target, FIRST, NEW)
    assert len(transactions(lab)) == 1
    assert lab.content() == {FIRST: OLD}
    assert replace(lab.warehouse(), lab.target, FIRST, NEW).changed
    assert (lab.content(), transactions(lab)) == ({FIRST: NEW}, [])


@pytest.mark.parametrize(
    "place", ["delete_partition", "insert_rows", "count_partition", "write_entry", "commit"]
)
def test_a_worker_whose_transaction_was_aborted_changes_nothing(lab, place):
    replace(lab.warehouse(), lab.target, FIRST, OLD, quarantined=(BAD,))
    seen = []

    def step(name):
        aborting(name)
        seen.append(lab.content())

    aborting = at(place, lambda: abort_all(lab))
    with pytest.raises((Unreachable, OutputError), match="nothing was changed"):
        replace(lab.warehouse(step), lab.target, FIRST, NEW)
    assert [content for content in seen if content != {FIRST: OLD}] == []
    assert (lab.content(), lab.loads()) == ({FIRST: OLD}, 1)
    assert len(lab.quarantined(FIRST)) == 1


def test_a_load_that_is_stopped_has_changed_nothing(lab):
    replace(lab.warehouse(), lab.target, FIRST, OLD)
    loading = []
    loading.append(lab.warehouse(at("insert_rows", lambda: loading[0].stop())))
    with pytest.raises((Unreachable, OutputError)):
        replace(loading[0], lab.target, FIRST, NEW)
    assert (lab.content(), transactions(lab)) == ({FIRST: OLD}, [])
    loading[0].stop()


def test_a_session_that_ends_takes_back_what_it_has_not_committed(lab):
    replace(lab.warehouse(), lab.target, FIRST, OLD)
    with pytest.raises(Crash):
        replace(lab.warehouse(at("commit", crash)), lab.target, FIRST, NEW)
    lab._opened[-1].close()
    assert (lab.content(), transactions(lab)) == ({FIRST: OLD}, [])


def test_who_waits_for_the_turn_sees_what_the_load_before_it_left(lab):
    replace(lab.warehouse(), lab.target, FIRST, OLD)
    holds, go = threading.Event(), threading.Event()

    def hold():
        holds.set()
        assert go.wait(60)

    ended = []
    first = threading.Thread(
        target=lambda: replace(lab.warehouse(at("commit", hold)), lab.target, FIRST, NEW)
    )
    second = threading.Thread(
        target=lambda: ended.append(replace(lab.warehouse(), lab.target, FIRST, OLD))
    )
    first.start()
    assert holds.wait(60)
    second.start()
    assert lab.content() == {FIRST: OLD}, "readers do not wait"
    go.set()
    first.join(60)
    second.join(60)
    assert (ended[0].changed, lab.content(), lab.loads()) == (True, {FIRST: OLD}, 3)


def test_files_that_were_loaded_before_are_loaded_again(lab):
    for rows in (OLD, NEW, OLD, OLD):
        replace(lab.warehouse(), lab.target, FIRST, rows, quarantined=(BAD,))
        lab.alter(FIRST)
    assert replace(lab.warehouse(), lab.target, FIRST, OLD, quarantined=(BAD,)).changed
    assert (lab.content(), len(lab.quarantined(FIRST))) == ({FIRST: OLD}, 1)


class Wrong:
    """Rows whose files are not what they are said to be."""

    def __init__(self, staged, spoil):
        self._staged, self._spoil = staged, spoil

    def count(self):
        return self._staged.count()

    def filed(self, objects, prefix):
        return self._spoil(self._staged.filed(objects, prefix), objects)


def twice(files, objects):
    return files * 2


def gone(files, objects):
    return [*files, RowFile(uri=f"s3://{BUCKET}/runs/gone.parquet", rows=1, bytes=9)]


def other(files, objects):
    uri = S3Uri.parse(files[0].uri)
    objects.put(uri, b"no Parquet")
    return files


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (twice, OutputError, "Snowflake copied another number of rows than were proven; nothing"),
        (gone, TargetRefused, r"Remote file '.*gone.parquet' was not found"),
        (other, TargetRefused, "Snowflake refuses to load predictions.Order; nothing was changed"),
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


def test_columns_are_held_to_those_declared_and_added_where_they_may_be(lab):
    replace(lab.warehouse(), lab.target, FIRST, OLD)
    more = (*NUMBERS, StagedColumn(name="sort", type="text", nullable=True))
    rows = [(1, 0.5, "red")]
    with pytest.raises(TargetMismatch, match="sort is missing; target.add_columns"):
        replace(lab.warehouse(), lab.target, FIRST, rows, columns=more)
    adding = lab.target.model_copy(update={"add_columns": True})
    replace(lab.warehouse(), adding, FIRST, rows, columns=more)
    assert lab.content() == {FIRST: rows}
    changed = (NUMBERS[0], StagedColumn(name="score", type="bigint"))
    with pytest.raises(TargetMismatch, match="score is double precision, but declared bigint"):
        replace(lab.warehouse(), lab.target, FIRST, [(1, 2)], columns=changed)


def test_what_the_partition_holds_is_unloaded_to_be_compared(lab, tmp_path):
    load = a_load(lab.target, FIRST, OLD)
    assert lab.warehouse().held(load, tmp_path) is None
    replace(lab.warehouse(), lab.target, FIRST, OLD)
    held = lab.warehouse().held(load, tmp_path)
    table = parquet.read_table(*held.paths)
    assert table.column_names == ["apple_id", "score"]
    assert sorted(tuple(row.values()) for row in table.to_pylist()) == OLD


def test_a_stage_of_another_place_is_refused(lab):
    lab.snowflake.run("CREATE STAGE elsewhere URL = 's3://other-bucket/'")
    place = SnowflakePlace(stage="public.elsewhere")
    target = lab.target.model_copy(update={"snowflake": place})
    lab.target = target
    with pytest.raises(ConfigurationError, match="of s3://other-bucket/, and this run's objects"):
        replace(lab.warehouse(), target, FIRST, OLD)
    lab.target = target.model_copy(update={"snowflake": SnowflakePlace(stage="public.gone")})
    with pytest.raises(TargetRefused, match=r"no such schema or stage; docs/snowflake.md lists"):
        replace(lab.warehouse(), lab.target, FIRST, OLD)
    assert lab.content() == {}
