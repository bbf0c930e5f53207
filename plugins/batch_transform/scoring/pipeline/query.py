"""The text of a query: where its parameters are, and identifiers filled in.

Values are bound by the database, never pasted. Only names of tables and columns, which cannot be
bound, may be filled in, as ``{{ name }}``, and only where they read like names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from batch_transform.scoring.errors import ConfigurationError
from batch_transform.scoring.pipeline.sqltokens import Token, tokens

PARAMETERS = ("partition", "partition_start", "partition_end")
_BOUNDS = {"partition_start", "partition_end"}
_SHOWN = ":partition, :partition_start and :partition_end"

_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
_IDENTIFIER = re.compile(r'(?:[A-Za-z_]\w*|"[^"\0]+")(?:\.(?:[A-Za-z_]\w*|"[^"\0]+")){0,2}')
# What people write in Airflow by habit; {{1,2},{3,4}} and LIKE '{%' are no templates.
_TEMPLATE = re.compile(
    r"\{\{-?\s*[A-Za-z_][^{}]*\}\}"
    r"|\{%-?\s*(?:if|elif|else|for|set|macro|block|raw|include|import|from|end\w+)\b.*?%\}",
    re.DOTALL,
)
_READING = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "FROM", "("})
_WRITING = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})
_LOCKS = re.compile(r"FOR (?:NO KEY )?UPDATE\b|FOR (?:KEY )?SHARE\b")
_UNCLOSED = {
    "'": "a quote is never closed; one inside of a text is written twice",
    '"': "a quoted name is never closed",
    "$": "a dollar quote is never closed",
    "/": "a comment is never closed; one that begins inside of it must be closed, too",
}


def parameters(query: str) -> set[str]:
    """Return the names of the parameters, those in comments and texts left out."""
    return {token.text[1:] for token in _parameter_tokens(query)}


def problems(query: str) -> Iterator[str]:
    """Say what any database would refuse of a query, or what would make each run the same."""
    if query.startswith("\ufeff"):
        yield "begins with a byte order mark; save it as UTF-8 without one"
        query = query[1:]
    code = [token for token in tokens(query) if token.kind != "comment"]
    for token in code:
        if token.kind == "unclosed":
            yield f"line {token.line}: {_UNCLOSED[token.text[0]]}"
    yield from _statement_problems(query, code)
    yield from _parameter_problems(parameters(query))


def _statement_problems(query: str, code: list[Token]) -> Iterator[str]:
    if not code:
        yield "has no statement"
        return
    if code[0].text.upper() not in _READING:
        yield f"begins with {code[0].text}; a query reads, and begins with SELECT or WITH"
    for token in code:
        if token.text == ";":
            if query[token.end :].strip():
                yield f"line {token.line}: nothing may follow the semicolon, not even a comment"
            break
    words = [token for token in code if token.kind in {"word", "mark"}]
    for before, token in pairwise(words):
        word = token.text.upper()
        if word == "INTO" or (before.text == "(" and word in _WRITING):
            yield f"line {token.line}: {word} writes; a query only reads"
    if _LOCKS.search(" ".join(token.text.upper() for token in words)):
        yield "locks rows with FOR UPDATE or FOR SHARE; a query only reads"


def _parameter_problems(used: set[str]) -> Iterator[str]:
    if "partition" not in used and not used >= _BOUNDS:
        yield (
            "uses neither :partition, the day, nor both :partition_start and :partition_end, its"
            " bounds; every run would score the same rows"
        )
    for name in sorted(used - set(PARAMETERS)):
        yield f"unknown parameter :{name}; only {_SHOWN} are bound"


def with_parameters(query: str, spell: Callable[[str], str]) -> str:
    """Return the query with each parameter spelt as a database needs it.

    Raises:
        ConfigurationError: the query has a parameter that nothing gives a value.
    """
    unknown = sorted(parameters(query) - set(PARAMETERS))
    if unknown:
        raise ConfigurationError(f"Unknown parameter :{unknown[0]}; only {_SHOWN} are bound")
    return "".join(spell(text) if is_parameter else text for text, is_parameter in _pieces(query))


def for_sqlalchemy(query: str) -> str:
    """Return the query as ``sqlalchemy.text`` takes it: a colon of no parameter is escaped."""
    with_parameters(query, str)
    return "".join(
        f":{text}" if is_parameter else text.replace(":", r"\:")
        for text, is_parameter in _pieces(query)
    )


def _pieces(query: str) -> Iterator[tuple[str, bool]]:
    """Take the query apart into the names of parameters and the text between them."""
    end = 0
    for token in _parameter_tokens(query):
        yield query[end : token.start], False
        yield token.text[1:], True
        end = token.end
    yield query[end:], False


def _parameter_tokens(query: str) -> Iterator[Token]:
    """Return the parameters; in ``arr[1:n]`` and ``{'a':b}`` the colon is of no parameter."""
    depth = 0
    for token in tokens(query):
        if token.kind == "bracket":
            depth += 1 if token.text in "[{" else -1
        if token.kind == "parameter":
            glued = re.match(r"[\w)\]\"']", query[token.start - 1 : token.start])
            if token.text[1:] in PARAMETERS or not (depth > 0 or glued):
                yield token


def statement(query: str) -> str:
    """Return the query so that it can go into parentheses."""
    return query.rstrip().removesuffix(";").rstrip() + "\n"


def identifier_problems(query: str, identifiers: Mapping[str, str]) -> Iterator[str]:
    """Say what is wrong with the templates of a query."""
    for token in tokens(query):
        if token.kind == "template":
            yield from _placeholder_problems(token.text, identifiers)
        elif template := _TEMPLATE.search(token.text):
            yield (
                f"line {token.line}: {template[0]} is in quotes or a comment, where nothing is"
                " filled in; for the day bind :partition, without quotes"
            )
    for name, value in identifiers.items():
        if not _IDENTIFIER.fullmatch(value):
            yield f"source.identifiers.{name} is {value!r}, which is not a name like schema.table"


def _placeholder_problems(text: str, identifiers: Mapping[str, str]) -> Iterator[str]:
    placeholder = _PLACEHOLDER.fullmatch(text)
    if placeholder is None:
        yield f"{text}: only a name of source.identifiers, as {{{{ name }}}}, is filled in"
    elif placeholder[1] not in identifiers:
        yield f"{text}: source.identifiers has no {placeholder[1]}"


def with_identifiers(query: str, identifiers: Mapping[str, str]) -> str:
    """Fill in identifiers; they have no problems."""
    pieces, end = [], 0
    for token in tokens(query):
        placeholder = _PLACEHOLDER.fullmatch(token.text) if token.kind == "template" else None
        if placeholder:
            pieces += [query[end : token.start], identifiers[placeholder[1]]]
            end = token.end
    return "".join([*pieces, query[end:]])
