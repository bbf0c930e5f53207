"""A table of Glue whose partitions lead to the pointers of a target in S3.

Its input format reads the files that a partition's pointer lists. A partition is made in Glue once,
after its first pointer: from then on it is the pointer that is replaced, and with it what readers
see. So Glue is never between two states of a partition.
https://docs.aws.amazon.com/glue/latest/webapi/API_CreatePartition.html
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from batch_transform.scoring.aws.codes import translated
from batch_transform.scoring.errors import TargetMismatch, TargetRefused
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline import GluePlace
from batch_transform.scoring.pipeline.prediction_types import TYPES
from batch_transform.scoring.warehouse.protocol import Load

_INPUT = "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"
_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
_MISSING, _THERE = "EntityNotFoundException", "AlreadyExistsException"


class GlueTable:
    """The table of one target."""

    def __init__(self, client: Any, place: GluePlace) -> None:
        """Use a boto3 client of ``glue``."""
        self._client = client
        self._place = place
        self._named = {"DatabaseName": place.database}

    def prepare(self, load: Load, pointers: S3Uri) -> None:
        """Make the table where it is missing, and hold it to the target.

        Raises:
            TargetMismatch: the table has another place, or lacks columns.
            TargetRefused: there is no such database.
        """
        found = self._found()
        if found is None and load.typed:
            self._create(load, pointers)
            found = self._found()
        if found is not None:
            self._check(found, load, pointers)

    def register(self, load: Load, pointers: S3Uri) -> None:
        """Make the partition, which is there already after the first load."""
        if self._found() is None:
            return
        column, day = load.target.partition_column, load.partition.isoformat()
        partition = {
            "Values": [day],
            "StorageDescriptor": _storage(load, pointers / f"{column}={day}"),
        }
        self._make("create_partition", TableName=self._place.table, PartitionInput=partition)

    def _create(self, load: Load, pointers: S3Uri) -> None:
        """Make the table; of two that make it, one finds it made."""
        table = {
            "Name": self._place.table,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
            "PartitionKeys": [{"Name": load.target.partition_column, "Type": "date"}],
            "StorageDescriptor": _storage(load, pointers),
        }
        self._make("create_table", TableInput=table)

    def _make(self, operation: str, **asked: Any) -> None:
        with translated():
            try:
                getattr(self._client, operation)(**self._named, **asked)
            except ClientError as error:
                if _code(error) == _MISSING:
                    raise TargetRefused(
                        f"Glue has no database {self._place.database}, and none is made; create it,"
                        " or name another in target.glue.database"
                    ) from error
                if _code(error) != _THERE:
                    raise

    def _found(self) -> dict[str, Any] | None:
        with translated():
            try:
                answer = self._client.get_table(**self._named, Name=self._place.table)
            except ClientError as error:
                if _code(error) == _MISSING:
                    return None
                raise
        table: dict[str, Any] = answer["Table"]
        return table

    def _check(self, found: dict[str, Any], load: Load, pointers: S3Uri) -> None:
        storage, name = found["StorageDescriptor"], f"{self._place.database}.{self._place.table}"
        if storage.get("Location", "").rstrip("/") != str(pointers):
            raise TargetMismatch(
                f"Table {name} of Glue is of {storage.get('Location')}, and the target's pointers"
                f" are below {pointers}; name another table in target.glue.table"
            )
        if storage.get("InputFormat") != _INPUT:
            raise TargetMismatch(
                f"Table {name} of Glue reads {storage.get('InputFormat')}, and pointers are read by"
                f" {_INPUT}; name another table in target.glue.table"
            )
        actual = {each["Name"]: each["Type"] for each in storage["Columns"]}
        other = [
            f"{each['Name']} is {actual.get(each['Name'], 'missing')}, but declared {each['Type']}"
            for each in _columns(load)
            if load.typed and actual.get(each["Name"]) != each["Type"]
        ]
        if other:
            listed = "\n  ".join(other)
            raise TargetMismatch(
                f"The columns of {name} in Glue are not those of pipeline.yaml; alter the table, or"
                f" name another in target.glue.table:\n  {listed}"
            )


def _storage(load: Load, place: S3Uri) -> dict[str, Any]:
    return {
        "Columns": _columns(load),
        "Location": f"{place}/",
        "InputFormat": _INPUT,
        "OutputFormat": _OUTPUT,
        "SerdeInfo": {"SerializationLibrary": _SERDE},
    }


def _columns(load: Load) -> list[dict[str, str]]:
    return [{"Name": each.name, "Type": TYPES[each.type].hive} for each in load.columns]


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
