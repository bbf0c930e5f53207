"""The text of a query: where its parameters stand, and identifiers filled in.

Values are bound by the database, never pasted. Only names of tables and columns, which cannot be
bound, may be filled in, as ``{{ name }}``, and only where they read like names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from batch_transform.scoring.errors import ConfigurationError

PARAMETERS = ("partition_start", "partition_end")

_TOKEN = re.compile(
    r"""
      --[^\n]*                              # comments
    | /\*.*?\*/
    | \bE'(?:[^'\\]|\\.|'')*'               # texts, with and without escapes
    | '(?:[^']|'')*'
    | "(?:[^"]|"")*"                        # quoted names
    | \$(?P<tag>[A-Za-z_]\w*|)\$.*?\$(?P=tag)\$
    | ::
    | :(?P<parameter>[A-Za-z_]\w*)
    | \{[{%\#].*?[}%\#]\}
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
_IDENTIFIER = re.compile(r'(?:[A-Za-z_]\w*|"[^"\0]+")(?:\.(?:[A-Za-z_]\w*|"[^"\0]+")){0,2}')


def problems(text: str) -> Iterator[str]:
    """Say what is wrong with a query that no database would take in parentheses."""
    yield from ()


def parameters(query: str) -> set[str]:
    """Return the names of the parameters, those in comments and texts left out."""
    return {match["parameter"] for match in _TOKEN.finditer(query) if match["parameter"]}


def with_parameters(query: str, spell: Callable[[str], str]) -> str:
    """Return the query with each parameter spelt as a database wants it.

    Raises:
        ConfigurationError: the query has a parameter that nothing gives a value.
    """
    unknown = sorted(parameters(query) - set(PARAMETERS))
    if unknown:
        raise ConfigurationError(
            f"The query has the parameter :{unknown[0]}, but there are only"
            f" {', '.join(f':{name}' for name in PARAMETERS)}"
        )
    return "".join(spell(text) if is_parameter else text for text, is_parameter in _pieces(query))


def for_sqlalchemy(query: str) -> str:
    """Return the query as ``sqlalchemy.text`` wants it: a colon of no parameter is escaped."""
    with_parameters(query, str)
    return "".join(
        f":{text}" if is_parameter else text.replace(":", r"\:")
        for text, is_parameter in _pieces(query)
    )


def _pieces(query: str) -> Iterator[tuple[str, bool]]:
    """Take the query apart into the names of parameters and what stands between them."""
    end = 0
    for match in _TOKEN.finditer(query):
        if match["parameter"]:
            yield query[end : match.start()], False
            yield match["parameter"], True
            end = match.end()
    yield query[end:], False


def statement(query: str) -> str:
    """Return the query so that it can stand in parentheses."""
    return query.rstrip().removesuffix(";").rstrip() + "\n"


def identifier_problems(query: str, identifiers: Mapping[str, str]) -> Iterator[str]:
    """Say what is wrong with the templates of a query."""
    for match in _TOKEN.finditer(query):
        if not match[0].startswith(("{{", "{%", "{#")):
            continue
        placeholder = _PLACEHOLDER.fullmatch(match[0])
        if placeholder is None:
            yield f"{match[0]}: only a name of source.identifiers, as {{{{ name }}}}, is filled in"
        elif placeholder[1] not in identifiers:
            yield f"{match[0]}: source.identifiers has no {placeholder[1]}"
    for name, value in identifiers.items():
        if not _IDENTIFIER.fullmatch(value):
            yield f"source.identifiers.{name} is {value!r}, which is not a name like schema.table"


def with_identifiers(query: str, identifiers: Mapping[str, str]) -> str:
    """Fill in identifiers; they have no problems."""

    def fill(match: re.Match[str]) -> str:
        placeholder = _PLACEHOLDER.fullmatch(match[0])
        return identifiers[placeholder[1]] if placeholder else match[0]

    return _TOKEN.sub(fill, query)
