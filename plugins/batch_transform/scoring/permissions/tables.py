"""The tables that a query reads: what is named after FROM or JOIN, in it or in what it nests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from batch_transform.scoring.pipeline.sqltokens import tokens

_QUERIES = frozenset({"SELECT", "WITH", "VALUES"})
_SELECTS = _QUERIES | {"FROM", "("}
_BEFORE_TABLES = frozenset({"FROM", "JOIN"})
_BESIDE_TABLES = frozenset({"LATERAL", "ONLY"})
_AFTER_TABLES = frozenset(
    {"WHERE", "GROUP", "ORDER", "ON", "USING", "LIMIT", "UNION", "EXCEPT", "INTERSECT", "WINDOW"}
)
_MATERIALIZED = frozenset({"NOT", "MATERIALIZED"})

_Group = list["str | _Group"]


def tables_of(query: str) -> tuple[str, ...]:
    """Return the tables that a query reads, as they are written in it.

    What WITH gives a name is none, nor what is called like a function.
    """
    group = _nested(query)
    own = {name.upper() for name in _given_names(group)}
    found = [name for name in _read(group) if name.upper() not in own]
    return tuple(dict.fromkeys(found))


def _nested(query: str) -> _Group:
    """Take a query for words, with a list for what is in parentheses."""
    groups: list[_Group] = [[]]
    for token in tokens(query):
        if token.kind not in ("word", "name", "mark"):
            continue
        if token.text == "(":
            groups.append([])
        elif token.text == ")" and len(groups) > 1:
            inner = groups.pop()
            groups[-1].append(inner)
        else:
            groups[-1].append(token.text)
    return groups[0]


def _given_names(group: _Group) -> Iterator[str]:
    """Yield the names of WITH: ``name AS (…)`` and ``name (column) AS (…)``."""
    for at, item in enumerate(group):
        if isinstance(item, list):
            yield from _given_names(item)
            continue
        after = [each for each in group[at + 1 : at + 6] if not _is_materialized(each)]
        if after and isinstance(after[0], list):
            after = after[1:]
        is_given = len(after) > 1 and isinstance(after[1], list)
        if is_given and str(after[0]).upper() == "AS":
            yield item


def _is_materialized(item: str | _Group) -> bool:
    return isinstance(item, str) and item.upper() in _MATERIALIZED


def _read(group: _Group, in_place_of_a_table: bool = False) -> Iterator[str]:
    begins = str(group[0]).upper() if group and isinstance(group[0], str) else "("
    selects = in_place_of_a_table or begins in _SELECTS
    among = awaited = in_place_of_a_table and begins not in _QUERIES
    before, at = "", 0
    while at < len(group):
        item = group[at]
        at += 1
        if isinstance(item, list):
            yield from _read(item, in_place_of_a_table=awaited)
            before, awaited = "", False
            continue
        word = item.upper()
        if selects and word in _BEFORE_TABLES and before != "DISTINCT":
            among = awaited = True
        elif word in _AFTER_TABLES:
            among = awaited = False
        elif word == ",":
            awaited = among
        elif awaited and word not in _BESIDE_TABLES:
            name, at = _dotted(group, at - 1)
            awaited = False
            if not isinstance(_at(group, at), list):
                yield name
        before = word


def _dotted(group: Sequence[str | _Group], at: int) -> tuple[str, int]:
    """Read ``schema.table`` from a place on; return what comes after it."""
    name = str(group[at])
    at += 1
    while _at(group, at) == "." and isinstance(_at(group, at + 1), str):
        name += f".{group[at + 1]}"
        at += 2
    return name, at


def _at(group: Sequence[str | _Group], at: int) -> str | _Group:
    return group[at] if at < len(group) else ""
