"""Which catalog has an Iceberg table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from batch_transform.scoring.pipeline.fields import ConnId, Place, Section, Text


class IcebergPlace(Section):
    """Which catalog has an Iceberg table, and as whom its files are read and written.

    Attributes:
        catalog: ``glue``: AWS Glue; ``rest``: one that speaks Iceberg's REST protocol; ``sql``: one
            in PostgreSQL, as pyiceberg and Iceberg's JDBC catalog have it.
        name: of the catalog; in ``sql``, by which its tables are told from those of others.
        warehouse: ``s3://bucket/prefix`` below which tables lie; of ``rest``, the warehouse's name
            in the catalog.
        storage_conn_id: Airflow connection of AWS as which files are read and written; without it,
            that of the catalog in ``glue``, and what a ``rest`` catalog lends.
    """

    catalog: Literal["glue", "rest", "sql"]
    name: Text = "default"
    warehouse: Text | None = None
    storage_conn_id: ConnId | None = None

    def broken(self) -> Iterator[tuple[Place, str]]:
        """Hold a catalog that does not know where its tables lie to a place for them."""
        if self.catalog != "rest" and not (self.warehouse or "").startswith("s3://"):
            yield (
                ("warehouse",),
                f"says where tables of {self.catalog} lie: give s3://bucket/prefix",
            )
