"""What a Python program says without being run: values that its text gives away."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_DEEPEST = 50


@dataclass(frozen=True)
class Unknown:
    """A value that only a run of the program would show.

    Attributes:
        text: the expression.
    """

    text: str


class Program:
    """The text of a program, with what its names stand for."""

    def __init__(self, text: str) -> None:
        """Read a program.

        Raises:
            SyntaxError: it is no Python.
        """
        self._tree = ast.parse(text)
        self._assigned: dict[str, list[tuple[int, ast.expr]]] = {}
        for node in ast.walk(self._tree):
            for name, value in _assignments(node):
                self._assigned.setdefault(name, []).append((value.lineno, value))

    def calls(self) -> Iterator[ast.Call]:
        """Yield every call, in the order of their lines."""
        found = [node for node in ast.walk(self._tree) if isinstance(node, ast.Call)]
        yield from sorted(found, key=lambda call: (call.lineno, call.col_offset))

    def assigned(self, name: str, line: int) -> ast.expr | None:
        """Return what a name was last given before a line, or else first after it."""
        given = sorted(self._assigned.get(name, ()), key=lambda each: each[0])
        before = [value for at, value in given if at <= line]
        return before[-1] if before else given[0][1] if given else None

    def value(self, node: ast.expr, depth: int = 0) -> Any:
        """Return the value of an expression; ``Unknown`` where its text does not give it away."""
        if depth > _DEEPEST:
            return Unknown(ast.unparse(node))
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                given = self.assigned(node.id, node.lineno)
                return Unknown(node.id) if given is None else self.value(given, depth + 1)
            case ast.Dict() if all(node.keys):
                return self._mapping(node, depth)
            case ast.List() | ast.Tuple():
                return [self.value(each, depth + 1) for each in node.elts]
            case ast.Call(func=ast.Name(id="dict"), args=[]):
                pairs = [(each.arg, each.value) for each in node.keywords if each.arg]
                return {name: self.value(each, depth + 1) for name, each in pairs}
            case ast.JoinedStr():
                return self._joined(node, [self._part(each, depth) for each in node.values])
            case ast.BinOp(op=ast.Add()):
                return self._joined(
                    node, [self.value(node.left, depth + 1), self.value(node.right, depth + 1)]
                )
            case ast.UnaryOp(op=ast.USub()):
                inner = self.value(node.operand, depth + 1)
                return -inner if isinstance(inner, int | float) else Unknown(ast.unparse(node))
        return Unknown(ast.unparse(node))

    def _mapping(self, node: ast.Dict, depth: int) -> Any:
        pairs = zip(node.keys, node.values, strict=True)
        keyed = [(self.value(key, depth + 1), value) for key, value in pairs if key is not None]
        if any(isinstance(key, Unknown | list | dict) for key, _ in keyed):
            return Unknown(ast.unparse(node))
        return {key: self.value(value, depth + 1) for key, value in keyed}

    def _part(self, node: ast.expr, depth: int) -> Any:
        if isinstance(node, ast.FormattedValue):
            inner = self.value(node.value, depth + 1)
            is_plain = isinstance(inner, str | int) and node.format_spec is None
            return str(inner) if is_plain else Unknown(ast.unparse(node.value))
        return self.value(node, depth + 1)

    def _joined(self, node: ast.expr, parts: list[Any]) -> Any:
        if all(isinstance(part, str) for part in parts):
            return "".join(parts)
        return Unknown(ast.unparse(node))


def _assignments(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    targets = node.targets if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        targets = [node.target]
    for target in targets:
        if isinstance(target, ast.Name):
            yield target.id, node.value  # type: ignore[attr-defined]  # both have one


def known(value: Any) -> bool:
    """Tell whether all of a value is known."""
    if isinstance(value, Mapping):
        return all(map(known, value.values()))
    if isinstance(value, list):
        return all(map(known, value))
    return not isinstance(value, Unknown)
