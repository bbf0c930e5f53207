"""The statements that fakesnow does not know, each in the one form that is understood here.

https://docs.snowflake.com/en/sql-reference/sql-all
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TEXT = r"'((?:[^'\\]|''|\\.)*)'"
_NAME = r'(?:[A-Za-z_][A-Za-z0-9_$]*|"(?:[^"]|"")+")'
_PATH = rf"{_NAME}(?:\.{_NAME}){{0,2}}"


class Unknown(Exception):
    """A statement begins like one of these, and is none."""


@dataclass(frozen=True)
class Unload:
    """COPY INTO a location."""

    stage: str
    path: str
    query: str
    partition: str | None


@dataclass(frozen=True)
class Copy:
    """COPY INTO a table."""

    table: str
    stage: str
    files: tuple[str, ...]
    force: bool


_UNLOAD = re.compile(
    rf"COPY INTO '@(?P<stage>{_PATH})/(?P<path>[^']*)' FROM \((?P<query>.*?)\)\s"
    r"(?:PARTITION BY \((?P<partition>(?:(?!PARTITION BY).)*)\) )?"
    r"FILE_FORMAT = \(TYPE = PARQUET\) HEADER = TRUE\s"
    r"MAX_FILE_SIZE = (?P<size>[0-9]+) DETAILED_OUTPUT = TRUE(?: INCLUDE_QUERY_ID = TRUE)?",
    re.DOTALL,
)
_COPY = re.compile(
    rf"COPY INTO (?P<table>{_PATH}) FROM @(?P<stage>{_PATH}) FILES = \((?P<files>[^)]*)\)\s"
    r"FILE_FORMAT = \(TYPE = PARQUET\) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE\s"
    r"ON_ERROR = ABORT_STATEMENT(?P<force> FORCE = TRUE)?"
)
_LONGEST_LIST = 1000  # files that FILES may name
# https://docs.snowflake.com/en/sql-reference/parameters
_PARAMETERS = frozenset(
    [
        "ABORT_DETACHED_QUERY",
        "AUTOCOMMIT",
        "LOCK_TIMEOUT",
        "QUERY_TAG",
        "QUOTED_IDENTIFIERS_IGNORE_CASE",
        "TIMEZONE",
        "TIMESTAMP_TYPE_MAPPING",
    ]
)
_SETTING = re.compile(rf"([A-Z_]+) = (?:{_TEXT}|([A-Z0-9]+))\s*")
PATTERNS = {
    "begin": re.compile(rf"BEGIN TRANSACTION NAME ({_NAME})"),
    "commit": re.compile("COMMIT"),
    "rollback": re.compile("ROLLBACK"),
    "transactions": re.compile("SHOW TRANSACTIONS"),
    "transaction": re.compile(r"SELECT CURRENT_TRANSACTION\(\)"),
    "abort": re.compile(r"SELECT SYSTEM\$ABORT_TRANSACTION\((-?[0-9]+)\)"),
    "cancel": re.compile(rf"SELECT SYSTEM\$CANCEL_QUERY\({_TEXT}\)"),
    "scan": re.compile(rf"select \* from table\(result_scan\({_TEXT}\)\)"),  # noqa: S608
    "stage": re.compile(rf"DESC STAGE ({_PATH})"),
    "history": re.compile(
        r"SELECT QUERY_ID, QUERY_TAG\s"
        r"FROM TABLE\(INFORMATION_SCHEMA\.QUERY_HISTORY_BY_USER\(RESULT_LIMIT => [0-9]+\)\)\s"
        rf"WHERE STARTSWITH\(QUERY_TAG, {_TEXT}\) AND EXECUTION_STATUS IN \(([A-Z_', ]+)\)"
    ),
}
CHANGES = re.compile(rf"(?:UPDATE|DELETE FROM) ({_PATH})\s")
READS = re.compile(r"(?:SELECT|WITH|SHOW)\s")
DEFINES = re.compile(r"(?:CREATE|ALTER|DROP|TRUNCATE)\s")
CREATES = re.compile(rf"CREATE OR REPLACE (?:TEMPORARY )?TABLE ({_PATH})\s")
IS_TRANSACTION = re.compile(r"CURRENT_TRANSACTION\(\) = ('[0-9]+'|NULL)")
# What becomes of these in DuckDB is the same each time: a variable, or the columns of a query from
# which a table is made, would change it.
REPEATS = re.compile(
    r"(?:SELECT|WITH|INSERT INTO|UPDATE|DELETE FROM|USE SCHEMA|DROP TABLE"
    r"|CREATE (?:OR REPLACE TEMPORARY )?TABLE(?!.*\sAS\s))\s[^$]*",
    re.DOTALL,
)
WAIT = re.compile(r"SYSTEM\$WAIT\(([0-9]+)\)")


def settings_of(statement: str) -> dict[str, str] | None:
    """Read the parameters that a statement sets; None where it sets none."""
    start = "ALTER SESSION SET "
    if not statement.startswith(start):
        return None
    found, rest = {}, statement.removeprefix(start)
    while rest:
        match = _SETTING.match(rest)
        if match is None or match[1] not in _PARAMETERS:
            raise Unknown(statement)
        found[match[1]] = match[3] or text(match[2])
        rest = rest[match.end() :]
    return found


def copy_of(statement: str) -> Unload | Copy | None:
    """Read a COPY; None where it is another statement."""
    if not statement.startswith("COPY INTO "):
        return None
    if match := _UNLOAD.fullmatch(statement):
        return Unload(match["stage"], match["path"], match["query"], match["partition"])
    match = _COPY.fullmatch(statement)
    if match is None:
        raise Unknown(statement)
    files = tuple(text(each) for each in re.findall(_TEXT, match["files"]))
    if len(files) > _LONGEST_LIST:
        raise Unknown(f"{len(files)} files are listed, and at most {_LONGEST_LIST} may be")
    return Copy(match["table"], match["stage"], files, match["force"] is not None)


def text(literal: str) -> str:
    """Return what a text between quotes means."""
    return re.sub(r"\\(.)", r"\1", literal.replace("''", "'"))


def identifier(name: str) -> str:
    """Return what a name means: without quotes it is in upper case."""
    parts = re.findall(_NAME, name)
    return ".".join(
        each[1:-1].replace('""', '"') if each.startswith('"') else each.upper() for each in parts
    )
