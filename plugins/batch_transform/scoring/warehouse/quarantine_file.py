"""A partition's quarantined records as a file, for a warehouse that copies it."""

from __future__ import annotations

from io import BytesIO

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.filed import RowFile
from batch_transform.scoring.records.quarantine import Quarantined
from batch_transform.scoring.warehouse.protocol import Load
from batch_transform.scoring.warehouse.quarantined_rows import quarantined_row

_LONGEST_TEXT = 65_535  # bytes of a VARCHAR of Redshift
_ARROW = {"partition": "date32", "line": "int64"}


def quarantine_file(objects: ObjectStore, place: S3Uri, load: Load) -> list[RowFile]:
    """Write the quarantined records of a load as a file of Parquet; none without any.

    They are no part of a statement: what a container says of a record may have any length, and any
    character that means something to SQL.
    """
    if not load.quarantined:
        return []
    import pyarrow as pa  # not at the top: Airflow parses the DAG often
    from pyarrow import parquet

    written = BytesIO()
    rows = [_row(load, each) for each in load.quarantined]
    schema = pa.schema(
        [(name, _ARROW.get(name, "string")) for name in rows[0]],
    )
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), written)
    body, uri = written.getvalue(), place / "quarantine.parquet"
    objects.put(uri, body)
    return [RowFile(uri=str(uri), rows=len(load.quarantined), bytes=len(body))]


def _row(load: Load, record: Quarantined) -> dict[str, object]:
    """Return the values of the quarantine's columns, in their order, as long as they may be."""
    row = quarantined_row(load, record)
    return {**row, **{name: _cut(row[name]) for name in ("id", "reason")}}


def _cut(text: str) -> str:
    return text.encode()[:_LONGEST_TEXT].decode(errors="ignore")
