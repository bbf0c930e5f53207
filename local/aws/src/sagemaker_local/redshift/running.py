"""One batch of statements on PostgreSQL: in order, in one transaction, until one fails."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sagemaker_local.redshift import copying, grammar
from sagemaker_local.redshift.unloading import Oddities, UnloadError, carry_out

if TYPE_CHECKING:
    from collections.abc import Callable

SUBMITTED, STARTED = "SUBMITTED", "STARTED"
FINISHED, FAILED, ABORTED = "FINISHED", "FAILED", "ABORTED"
OVER = frozenset({FINISHED, FAILED, ABORTED})
_RESTARTED = "ERROR: The cluster was restarted while the query ran"
_CONFLICT = "ERROR: 1023\nDetail: Serializable isolation violation on table in Redshift"


@dataclass(kw_only=True)
class SubStatement:
    """One statement of a batch, and its result."""

    text: str
    status: str = SUBMITTED
    error: str = ""
    columns: list[dict[str, Any]] = field(default_factory=list)
    rows: list[list[dict[str, Any]]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Session:
    """Where statements run.

    Args:
        dsn: of the PostgreSQL database that stands for Redshift's.
        s3: a client of this service's own S3.
        oddity: the value of the switch `redshift_unload`.
        fails_at: the statement of a batch, from 1, in whose place the cluster restarts; 0 for none.
    """

    dsn: str
    s3: Callable[[], Any]
    oddity: str
    fails_at: int = 0


class Statement:
    """A statement or batch; `start` returns at once."""

    def __init__(
        self, name: str, texts: list[str], place: dict[str, Any], session: Session
    ) -> None:
        self.id = str(uuid.uuid4())
        self.name = name
        self.place = place
        self.created = datetime.now(UTC)
        self.updated = self.created
        self.status = SUBMITTED
        self.error = ""
        self.subs = [SubStatement(text=text) for text in texts]
        self._session = session
        self._lock = threading.Lock()
        self._connection: Any = None
        self._unloaded = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cancel(self) -> bool:
        """End it; False where it is over."""
        if not self._move(ABORTED):
            return False
        with self._lock:
            connection = self._connection
        if connection is not None:
            connection.cancel()
        return True

    def join(self, timeout: float) -> None:
        """Wait for the end."""
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _move(self, status: str, error: str = "") -> bool:
        with self._lock:
            if self.status in OVER:
                return False
            self.status, self.error, self.updated = status, error, datetime.now(UTC)
        return True

    def _run(self) -> None:
        import psycopg

        if not self._move(STARTED):
            return
        try:
            with psycopg.connect(self._session.dsn) as connection:
                # As SNAPSHOT, Redshift's default: one snapshot, which LOCK does not take.
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                with self._lock:
                    self._connection = connection
                for number, sub in enumerate(self.subs, start=1):
                    if self.status in OVER:
                        break
                    self._carry_out(sub, connection, is_last=number == self._session.fails_at)
                if self._session.oddity == "conflict" and len(self.subs) > 1:
                    raise UnloadError(_CONFLICT)
                if self.status in OVER:
                    connection.rollback()
                else:
                    connection.commit()
                    self._move(FINISHED)
        except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected):
            self._move(FAILED, _CONFLICT)
        except Exception as error:  # whatever it is, the statement is over
            self._move(FAILED, str(error))
        finally:
            with self._lock:
                self._connection = None

    def _carry_out(self, sub: SubStatement, connection: Any, *, is_last: bool) -> None:
        sub.status = STARTED
        try:
            if is_last:
                raise UnloadError(_RESTARTED)
            unload, copy = grammar.unload(sub.text), grammar.copy(sub.text)
            if copy is not None:
                copying.carry_out(copy, connection, self._session.s3())
            elif unload is not None:
                oddities = Oddities(kind=self._session.oddity)
                self._unloaded = carry_out(unload, connection, self._session.s3(), oddities)
            elif grammar.is_count(sub.text):
                sub.columns = [_column("pg_last_unload_count", "int8")]
                sub.rows = [[{"longValue": self._unloaded}]]
            elif (plain := grammar.plain(sub.text)) is not None:
                _execute(sub, plain, connection)
            else:
                raise grammar.UnknownStatementError(f"not known here: {sub.text[:200]!r}")
        except Exception as error:
            sub.status, sub.error = FAILED, str(error)
            raise
        sub.status = FINISHED


def _execute(sub: SubStatement, text: str, connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, prepare=True)  # which takes one statement, and not several
        if cursor.description is None:
            return
        sub.columns = [
            _column(each.name, _type_name(each, connection)) for each in cursor.description
        ]
        sub.rows = [[_field(value) for value in row] for row in cursor.fetchall()]


def _type_name(column: Any, connection: Any) -> str:
    info = connection.adapters.types.get(column.type_code)
    name = info.name if info else str(column.type_code)
    return "varchar" if name == "text" else name


def _column(name: str, type_name: str) -> dict[str, Any]:
    return {"name": name, "label": name, "typeName": type_name, "nullable": 1}


def _field(value: Any) -> dict[str, Any]:
    if value is None:
        return {"isNull": True}
    for kind, name in ((bool, "booleanValue"), (int, "longValue"), (float, "doubleValue")):
        if isinstance(value, kind):
            return {name: value}
    return {"stringValue": str(value)}
