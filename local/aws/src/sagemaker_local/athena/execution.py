"""One query, on PostgreSQL, until it ends or is stopped."""

from __future__ import annotations

import tempfile
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagemaker_local.athena import grammar
from sagemaker_local.redshift.unloading import UnloadError, files_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sagemaker_local.redshift.grammar import Unload

QUEUED, RUNNING = "QUEUED", "RUNNING"
SUCCEEDED, FAILED, CANCELLED = "SUCCEEDED", "FAILED", "CANCELLED"
OVER = frozenset({SUCCEEDED, FAILED, CANCELLED})
_SYSTEM, _USER = 1, 2  # categories of errors
_MOST_PARTITIONS = 100
# PostgreSQL's number of a type: its name in Athena.
_TYPES = {
    16: "boolean",
    20: "bigint",
    21: "smallint",
    23: "integer",
    25: "varchar",
    700: "float",
    701: "double",
    1042: "char",
    1043: "varchar",
    1082: "date",
    1114: "timestamp",
    1184: "timestamp with time zone",
    1700: "decimal",
}


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where queries run.

    Args:
        dsn: of the PostgreSQL database that stands for the catalog.
        s3: makes a client of this service's own S3.
        oddity: the value of the switch `athena_unload`.
    """

    dsn: str
    s3: Callable[[], Any]
    oddity: str


@dataclass(kw_only=True)
class Execution:
    """A query; `start` returns at once."""

    asked: dict[str, Any]
    around: Surroundings
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    submitted: datetime = field(default_factory=lambda: datetime.now(UTC))
    state: str = QUEUED
    reason: str = ""
    category: int = _USER
    columns: list[dict[str, Any]] = field(default_factory=list)
    manifest: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _connection: Any = None
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it; one that is over stays as it is."""
        if self._move(CANCELLED, "Query was cancelled by user") and self._connection is not None:
            self._connection.cancel()

    def join(self, timeout: float) -> None:
        """Wait for the end."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _move(self, state: str, reason: str = "") -> bool:
        with self._lock:
            if self.state in OVER:
                return False
            self.state, self.reason = state, reason
        return True

    def _run(self) -> None:
        import psycopg

        if not self._move(RUNNING):
            return
        try:
            with psycopg.connect(self.around.dsn, options="-c timezone=UTC") as connection:
                self._connection = connection
                self._carry_out(connection)
                self._move(SUCCEEDED)
        except Exception as error:  # whatever it is, the query is over
            self._move(FAILED, f"{type(error).__name__}: {error}")

    def _carry_out(self, connection: Any) -> None:
        text = self.asked["QueryString"]
        if self.around.oddity == "service_fails":
            self.category = _SYSTEM
            raise UnloadError("GENERIC_INTERNAL_ERROR: a worker was lost")
        unload, plain = grammar.unload(text), grammar.plain(text)
        if unload is not None:
            self._unload(unload, connection)
        elif plain is not None:
            self._describe(plain, connection)
        else:
            raise grammar.UnknownStatementError(f"not known here: {text[:200]!r}")

    def _describe(self, query: str, connection: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(query, prepare=True)  # which takes one statement, and not several
            for column in cursor.description:
                kind = _TYPES.get(column.type_code)
                if kind is None:
                    raise UnloadError(f"what Athena calls column {column.name} is not known here")
                self.columns.append({"Name": column.name, "Label": column.name, "Type": kind})

    def _unload(self, unload: Unload, connection: Any) -> None:
        s3 = self.around.s3()
        if s3.list_objects_v2(Bucket=unload.bucket, Prefix=unload.prefix, MaxKeys=1)["KeyCount"]:
            raise UnloadError(
                "HIVE_PATH_ALREADY_EXISTS: Target directory for table already exists:"
                f" s3://{unload.bucket}/{unload.prefix}"
            )
        written = []
        with tempfile.TemporaryDirectory(prefix="athena-") as name:
            files = list(files_of(unload, connection, Path(name)))
            if len({path.parent for path, _ in files}) > _MOST_PARTITIONS:
                raise UnloadError(
                    "HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100 open writers"
                )
            for path, _ in files:
                place = path.relative_to(Path(name) / "parquet").parent
                key = f"{unload.prefix}{place}/{self.submitted:%Y%m%d_%H%M%S}_{uuid.uuid4()}"
                s3.put_object(Bucket=unload.bucket, Key=key, Body=path.read_bytes())
                written.append(f"s3://{unload.bucket}/{key}")
        if self.around.oddity == "file_too_many" and written:
            s3.put_object(
                Bucket=unload.bucket, Key=f"{unload.prefix}batch_transform_slice=0/orphan", Body=b""
            )
        self._put_manifest(s3, written)

    def _put_manifest(self, s3: Any, written: list[str]) -> None:
        results = self.asked["ResultConfiguration"]["OutputLocation"]
        self.manifest = f"{results}{self.id}-manifest.csv"
        bucket, _, key = self.manifest.removeprefix("s3://").partition("/")
        s3.put_object(Bucket=bucket, Key=key, Body="".join(f"{uri}\n" for uri in written).encode())
