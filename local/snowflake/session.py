"""One session: its parameters, its transaction, and what each of its statements does."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator

import duckdb
import snowflake.connector.errors

from local.snowflake import grammar
from local.snowflake.account import Account, Run
from local.snowflake.answer import Answer, Refused, described, of_cursor, told
from local.snowflake.copying import COPIED, UNLOADED
from local.snowflake.cursor import Cursor
from local.snowflake.grammar import Copy, Unload

_DONE = told(["status"], [["Statement executed successfully."]])


class Session:
    """Statements of one session, one after the other."""

    def __init__(self, account: Account) -> None:
        """Work on an account."""
        self.parameters: dict[str, str] = {}
        self._account = account
        self._connection = account.connect()
        self._duck = self._connection._duck_conn
        self._number = next(account.numbers)
        self._transaction: int | None = None
        self._copied: dict[str, set[tuple[str, str]]] = {}  # names and ETags, by table
        self._has_begun = False  # in DuckDB, whose snapshot is taken as late as may be

    def execute(self, text: str, run: Run) -> Answer:
        """Run a statement.

        Raises:
            Refused: as Snowflake refuses it.
        """
        statement = text.strip()
        try:
            settings = grammar.settings_of(statement)
            copy = grammar.copy_of(statement)
        except grammar.Unknown as unknown:
            raise Refused(f"SQL compilation error: the stand-in does not know: {unknown}") from None
        if settings is not None:
            return self._set(settings)
        if isinstance(copy, Unload):
            return self._unload(copy, run)
        if isinstance(copy, Copy):
            return self._copy(copy)
        for name, pattern in grammar.PATTERNS.items():
            if match := pattern.fullmatch(statement):
                return self._own(name, match.groups())
        return self._change(statement, run)

    def describe(self, text: str) -> Answer:
        """Return the columns of a query."""
        with self._working() as cursor:
            cursor.execute(f"DESCRIBE {grammar.WAIT.sub('NULL', text)}")
            return described(cursor.fetchall())

    def abort(self) -> None:
        """Roll back what is open."""
        self._end("ROLLBACK")

    def _own(self, name: str, groups: tuple[str, ...]) -> Answer:
        answer: Answer = getattr(self, f"_do_{name}")(*groups)
        return answer

    def _set(self, settings: dict[str, str]) -> Answer:
        self.parameters |= settings
        if "TIMEZONE" in settings:
            with self._account.mutex:
                self._duck.execute(f"SET TimeZone = '{settings['TIMEZONE']}'")
        return _DONE

    def _do_begin(self, name: str) -> Answer:
        self._transaction = next(self._account.numbers)
        self._account.transactions[self._transaction] = (grammar.identifier(name), self.abort)
        return _DONE

    def _do_commit(self) -> Answer:
        self._end("COMMIT")
        return _DONE

    def _do_rollback(self) -> Answer:
        self._end("ROLLBACK")
        return _DONE

    def _end(self, how: str) -> None:
        number = self._transaction
        if number is None:
            return  # neither is an error outside of a transaction
        with self._account.mutex:
            if self._has_begun:
                self._duck.execute(how)
            self._transaction, self._has_begun = None, False
            self._account.transactions.pop(number, None)
        self._account.locks.release(number)

    def _do_transactions(self) -> Answer:
        return told(
            ["#id", "user", "#session", "name", "started_on", "state", "scope"],
            [
                (number, "ME", self._number, name, "", "running", 0)
                for number, (name, _) in list(self._account.transactions.items())
            ],
        )

    def _is_transaction(self, match: re.Match[str]) -> str:
        return str(match[1] == f"'{self._transaction}'").upper()

    def _do_transaction(self) -> Answer:
        return told(["CURRENT_TRANSACTION()"], [[self._transaction]])

    def _do_abort(self, number: str) -> Answer:
        _, abort = self._account.transactions.get(int(number), ("", lambda: None))
        abort()
        return told(["SYSTEM$ABORT_TRANSACTION"], [[f"Aborted transaction id: {number}"]])

    def _do_cancel(self, identity: str) -> Answer:
        self._account.cancel(identity)
        return told(["SYSTEM$CANCEL_QUERY"], [[f"query [{identity}] terminated."]])

    def _do_scan(self, identity: str) -> Answer:
        answer = self._account.find(identity).answer
        if answer is None:
            raise Refused(f"Statement {identity} not found", 709, "02000")
        return answer

    def _do_history(self, start: str, states: str) -> Answer:
        found = self._account.with_tag(grammar.text(start))
        rows = [(run.id, run.tag) for run in found if f"'{run.status}'" in states]
        return told(["QUERY_ID", "QUERY_TAG"], rows)

    def _do_stage(self, name: str) -> Answer:
        rows = [("STAGE_LOCATION", "URL", "String", f'["{self._url_of(name)}"]', "")]
        columns = ["parent_property", "property", "property_type", "property_value"]
        return told([*columns, "property_default"], rows)

    def _url_of(self, name: str) -> str:
        schema, _, own = grammar.identifier(name).rpartition(".")
        with self._account.mutex:
            found = self._duck.execute(
                "SELECT url FROM _fs_global._fs_information_schema._fs_stages"
                " WHERE schema_name = ? AND name = ?",
                [schema.rpartition(".")[2] or self._connection.schema, own],
            ).fetchone()
        if found is None:
            raise Refused(f"Stage '{name}' does not exist or not authorized.", 2003, "02000")
        return str(found[0])

    def _unload(self, unload: Unload, run: Run) -> Answer:
        for seconds in grammar.WAIT.findall(unload.query):
            run.pause(float(seconds))
        query = grammar.WAIT.sub("NULL", unload.query)
        partition = f", {unload.partition} AS folder" if unload.partition else ""
        with self._working() as cursor:
            cursor.execute(f"SELECT *{partition} FROM ({query}) AS unloaded")  # noqa: S608
            rows = cursor.table
        if run.stop.is_set():
            raise Refused("")
        stage = self._account.stage(unload.stage, self._url_of(unload.stage))
        return told(UNLOADED, stage.write(unload, rows))

    def _copy(self, copy: Copy) -> Answer:
        """Copy files that the table has not had before, unless it is forced."""
        stage = self._account.stage(copy.stage, self._url_of(copy.stage))
        known = self._copied.setdefault(grammar.identifier(copy.table), set())
        rows = []
        for name in copy.files:
            try:
                path, mark = stage.read(name)
            except FileNotFoundError as missing:
                raise Refused(f"Remote file '{name}' was not found.", 91016, "22000") from missing
            if (name, mark) in known and not copy.force:
                rows.append((name, "LOAD_SKIPPED", 0, 0))
                continue
            with self._working():
                found = self._duck.execute(
                    f"INSERT INTO {copy.table} BY NAME SELECT * FROM read_parquet('{path}')"  # noqa: S608
                )
                ((count,),) = found.fetchall()
            known.add((name, mark))
            rows.append((name, "LOADED", count, count))
        return told(COPIED, rows)

    def _change(self, statement: str, run: Run) -> Answer:
        """Run what fakesnow knows, in the transaction that is open, or in one of its own."""
        if grammar.DEFINES.match(statement):
            self._end("COMMIT")
        if created := grammar.CREATES.match(statement):
            self._copied.pop(grammar.identifier(created[1]), None)
        for seconds in grammar.WAIT.findall(statement):
            run.pause(float(seconds))
        changes = grammar.CHANGES.match(statement)
        holder = self._transaction or next(self._account.numbers)
        if changes and not self._account.locks.take(
            grammar.identifier(changes[1]), holder, lambda: run.stop.is_set() or self._lost(holder)
        ):
            raise Refused(f"Transaction {holder} was aborted", 90232, "57014")
        try:
            with self._working() as cursor:
                known = grammar.IS_TRANSACTION.sub(self._is_transaction, statement)
                cursor.execute(grammar.WAIT.sub("NULL", known))
                return of_cursor(cursor) if grammar.READS.match(statement) else _DONE
        finally:
            if holder != self._transaction:
                self._account.locks.release(holder)

    def _lost(self, holder: int) -> bool:
        """Tell whether the transaction that began to wait is not the session's any more."""
        return self._transaction is not None and self._transaction != holder

    @contextlib.contextmanager
    def _working(self) -> Iterator[Cursor]:
        with self._account.mutex, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if self._transaction is not None and not self._has_begun:
                self._duck.execute("BEGIN")
                self._has_begun = True
            try:
                yield Cursor(self._connection, self._duck)
            except snowflake.connector.errors.Error as error:
                raise Refused(str(error.msg), error.errno or 1003, error.sqlstate) from error
            except duckdb.Error as error:
                raise Refused(str(error)) from error
