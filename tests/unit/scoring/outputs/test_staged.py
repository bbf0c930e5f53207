"""The stage, whatever machine it is on."""

import duckdb
import pytest

from batch_transform.scoring.outputs.staged import StagedColumn, staging


def test_memory_does_not_grow_with_the_cores_of_the_machine():
    """Each thread of DuckDB has buffers of its own, and one to a core is too many for the limit."""
    with staging([StagedColumn(name="apple_id", type="bigint")]) as staged:
        query = "SELECT current_setting('threads'), current_setting('memory_limit')"
        threads, memory = staged._connection.execute(query).fetchone()
    assert (threads, memory) == (2, "122.0 MiB")


def test_rows_that_are_read_one_by_one_and_copied_need_no_duckdb(monkeypatch):
    def opened(**_):
        raise AssertionError("it takes longer to open than a small load")

    monkeypatch.setattr(duckdb, "connect", opened)
    with staging([StagedColumn(name="apple_id", type="bigint")]) as staged:
        staged.add_rows([(1,), (2,)])
        staged.add_rows([(3,)])
        assert staged.count() == 3
        (*batches,) = staged.batches(rows=10, size=1000)
    assert [batch.to_pydict()["s0"] for batch in batches] == [[1, 2], [3]]


@pytest.mark.parametrize("asked_before", [True, False])
def test_what_is_asked_for_is_of_all_rows_whenever_duckdb_was_opened(asked_before):
    with staging([StagedColumn(name="apple_id", type="bigint")]) as staged:
        query = "SELECT count(*), sum(s0) FROM staged"
        if asked_before:
            assert staged._connection.execute(query).fetchone() == (0, None)
        staged.add_rows([(1,), (2,)])
        staged.add_rows([(3,)])
        assert staged._connection.execute(query).fetchone() == (3, 6)
