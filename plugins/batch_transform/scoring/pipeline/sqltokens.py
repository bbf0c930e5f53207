"""SQL taken apart as far as it takes to tell its parameters from its texts and comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      (?P<comment>--[^\n]*|/\*)
    | (?P<text>
          E'(?:[^'\\]|\\.|'')*'               # with escapes
        | '(?:[^']|'')*'
        | \$(?P<tag>[A-Za-z_]\w*|)\$.*?\$(?P=tag)\$
      )
    | (?P<name>"(?:[^"]|"")*")
    | (?P<template>\{[{%\#].*?[}%\#]\})
    | (?P<parameter>:[A-Za-z_]\w*)
    | (?P<unclosed>['"]|\$(?:[A-Za-z_]\w*)?\$)
    | (?P<word>[A-Za-z_][\w$]*)
    | (?P<bracket>[\[\]{}])
    | (?P<mark>::|\S)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")


@dataclass(frozen=True, kw_only=True)
class Token:
    """A piece of a query.

    Attributes:
        kind: ``comment``, ``text``, ``name`` (in quotes), ``template``, ``parameter``, ``word``,
            ``bracket``, ``mark`` (any other character), or ``unclosed``: a quote or comment that
            goes on to the end.
        text: the piece.
        start: where it begins.
        line: its line, from 1.
    """

    kind: str
    text: str
    start: int
    line: int

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.text)


def tokens(query: str) -> Iterator[Token]:
    """Yield the pieces of a query in their order, blanks left out."""
    at = 0
    while match := _TOKEN.search(query, at):
        kind, end = str(match.lastgroup), match.end()
        if match[0] == "/*":
            kind, end = _comment(query, match.start())
        elif kind == "tag":
            kind = "text"
        elif kind == "unclosed":
            end = len(query)
        start, line = match.start(), query.count("\n", 0, match.start()) + 1
        yield Token(kind=kind, text=query[start:end], start=start, line=line)
        at = end


def _comment(query: str, start: int) -> tuple[str, int]:
    """Return the kind and the end of a comment; comments nest, as in PostgreSQL."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(query, start):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return "comment", edge.end()
    return "unclosed", len(query)
