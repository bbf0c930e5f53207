"""Rows of any SQL database that SQLAlchemy has a dialect for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from sqlalchemy import Engine, text

from include.scoring.identity import Row
from include.scoring.kinds import Column
from include.scoring.partition import Partition
from include.scoring.query import for_sqlalchemy, statement
from include.scoring.records import CHUNK_ROWS
from include.scoring.source import Lines, Reshape, Table, encoded, unchanged
from include.scoring.spec import Pipeline


class SqlSource:
    """A query with the parameters ``:partition_start`` and ``:partition_end``.

    One statement sees one snapshot; rows stream through a server-side cursor where the database
    has them, in the order of their ids.
    https://docs.sqlalchemy.org/en/21/core/connections.html#using-server-side-cursors-a-k-a-stream-results
    """

    def __init__(self, engine: Engine, query: str, reshape: Reshape = unchanged) -> None:
        """Read with an engine, usually that of an Airflow SQL connection, and reshape the rows."""
        self._engine = engine
        self._query = statement(query)
        self._reshape = reshape

    def lines(self, partition: Partition, pipeline: Pipeline) -> Lines:
        """Run the query for a partition, reshape its rows, and encode them."""
        return encoded(self._reshape(self.read(partition, pipeline)), pipeline)

    def read(self, partition: Partition, pipeline: Pipeline) -> Table:
        """Run the query for a partition."""
        connection = self._engine.connect().execution_options(
            stream_results=True, yield_per=CHUNK_ROWS
        )
        try:
            quote = connection.dialect.identifier_preparer.quote
            order = ", ".join(quote(name) for name in pipeline.settings.record.id)
            result = connection.execute(
                text(f"SELECT * FROM (\n{for_sqlalchemy(self._query)}) source ORDER BY {order}"),  # noqa: S608
                {"partition_start": partition.start, "partition_end": partition.end},
            )
        except BaseException:
            connection.close()
            raise

        def rows() -> Iterator[Row]:
            with closing(connection), closing(result):
                yield from result

        columns = tuple(Column(name=name) for name in result.keys())  # noqa: SIM118
        return Table(columns=columns, rows=rows())
