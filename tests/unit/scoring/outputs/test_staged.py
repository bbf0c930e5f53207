"""The stage, whatever machine it is on."""

import duckdb

from batch_transform.scoring.outputs.staged import StagedColumn, staging


def test_memory_does_not_grow_with_the_cores_of_the_machine(monkeypatch):
    """Each thread of DuckDB has buffers of its own, and one to a core is too many for the limit."""
    connect, asked = duckdb.connect, {}

    def noted(config):
        asked.update(config)
        return connect(config=config)

    monkeypatch.setattr(duckdb, "connect", noted)
    with staging([StagedColumn(name="apple_id", type="bigint")]):
        assert (asked["threads"], asked["memory_limit"]) == (2, "128MB")
