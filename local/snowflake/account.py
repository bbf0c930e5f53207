"""An account: what is in it, who works on it, and what became of each statement."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fakesnow.instance import FakeSnow

from local.snowflake.answer import Answer, Refused, cancelled
from local.snowflake.catalogue import COLUMNS, NO_STAGES, SCHEMAS
from local.snowflake.copying import Staged
from local.snowflake.grammar import identifier
from local.snowflake.locks import TableLocks

DATABASE, SCHEMA = "ANALYTICS", "PUBLIC"


@dataclass
class Run:
    """A statement that runs, or is over."""

    tag: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    answer: Answer | None = None
    refused: Refused | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def is_over(self) -> bool:
        """Whether it runs no more."""
        return self.answer is not None or self.refused is not None

    @property
    def status(self) -> str:
        """As QUERY_HISTORY has it."""
        if self.refused is not None:
            return "FAILED_WITH_ERROR"
        return "SUCCESS" if self.answer is not None else "RUNNING"

    def work(self, do: Callable[[Run], Answer]) -> None:
        """Do it, and keep what comes of it."""
        try:
            self.answer = do(self)
        except Refused as refused:
            self.refused = cancelled() if self.stop.is_set() else refused

    def pause(self, seconds: float) -> None:
        """Wait, as a statement does; raises where it is stopped meanwhile."""
        if self.stop.wait(seconds):
            raise cancelled()


class Account:
    """All that sessions share.

    Attributes:
        mutex: is held while fakesnow works, whose sessions are all of one DuckDB.
        locks: of tables.
        numbers: of transactions and sessions.
        transactions: that are open, by number, each with its name, and what aborts it.
    """

    def __init__(self, client: Any = None) -> None:
        """Keep files of stages in S3, by a boto3 client."""
        self.mutex = threading.RLock()
        self.locks = TableLocks()
        self.numbers = itertools.count(1)
        self.transactions: dict[int, tuple[str, Callable[[], None]]] = {}
        self._client = client
        self._fake = FakeSnow()
        self._fake.duck_conn.execute("SET threads = 1")  # statements are small, and take turns
        self._fake.connect(DATABASE, SCHEMA)
        self._fake.duck_conn.execute(COLUMNS.format(database=DATABASE))
        # No session need look whether they are there.
        self._fake.create_database_on_connect = self._fake.create_schema_on_connect = False
        self._runs: dict[str, Run] = {}
        self._stages: dict[str, Staged] = {}

    def close(self) -> None:
        """Delete what stages have on disk."""
        for stage in self._stages.values():
            stage.close()

    def empty(self) -> None:
        """Stop and roll back what is open, and drop all there is: quicker than another account."""
        for run in list(self._runs.values()):
            run.stop.set()
        for _, abort in list(self.transactions.values()):
            abort()
        self.close()
        self._stages.clear()
        self._runs.clear()
        self._fake.results_cache.clear()
        with self.mutex:
            duck = self._fake.duck_conn
            for (schema,) in duck.execute(SCHEMAS, [DATABASE]).fetchall():
                duck.execute(f'DROP SCHEMA {DATABASE}."{schema}" CASCADE')
            duck.execute(f"CREATE SCHEMA {DATABASE}.{SCHEMA}")
            duck.execute(NO_STAGES)

    def connect(self, database: str = DATABASE, schema: str = SCHEMA) -> Any:
        """Open a connection of fakesnow's."""
        with self.mutex:
            return self._fake.connect(database, schema)

    def begin(self, tag: str) -> Run:
        """Note a statement."""
        run = Run(tag)
        self._runs[run.id] = run
        return run

    def find(self, identity: str) -> Run:
        """Return a statement by its id."""
        if identity not in self._runs:
            raise Refused(f"Statement {identity} not found", 709, "02000")
        return self._runs[identity]

    def with_tag(self, start: str) -> list[Run]:
        """Return the statements whose tags begin so."""
        return [run for run in list(self._runs.values()) if run.tag.startswith(start)]

    def cancel(self, identity: str) -> None:
        """Stop a statement that runs."""
        run = self.find(identity)
        if not run.is_over:
            run.stop.set()

    def stage(self, name: str, url: str) -> Staged:
        """Return a stage by its name; its files are kept for as long as the account."""
        full = identifier(name)
        if full not in self._stages:
            self._stages[full] = Staged(self._client, url)
        return self._stages[full]
