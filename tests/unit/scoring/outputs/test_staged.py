"""The stage, whatever machine it is on."""

from batch_transform.scoring.outputs.staged import StagedColumn, staging


def test_memory_does_not_grow_with_the_cores_of_the_machine():
    """Each thread of DuckDB has buffers of its own, and one to a core is too many for the limit."""
    with staging([StagedColumn(name="apple_id", type="bigint")]) as staged:
        query = "SELECT current_setting('threads'), current_setting('memory_limit')"
        threads, memory = staged._connection.execute(query).fetchone()
    assert (threads, memory) == (2, "122.0 MiB")
