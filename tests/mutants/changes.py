"""Small changes of what functions do, one at a time: the mutants of a module.

Changed are comparisons, and/or, not, arithmetic, numbers, truth values, names and codes,
conditions, any/all, min/max and break/continue. Left out are statements whose value nobody takes:
calls, errors, yields and additions.

Nothing is changed

- outside of functions, in their decorators, parameters and annotations;
- in words for people: text with a space between letters, f-strings with such text, docstrings, and
  all that an error is raised with;
- in ``strict`` of ``zip``, in ``cast`` and ``assert``, which state what holds anyway.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

_OTHER_COMPARISON = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OTHER_ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_OTHER_FUNCTION = {"any": ["all"], "all": ["any"], "min": ["max"], "max": ["min"]}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_WORDS = re.compile(r"[A-Za-z,;:.] +[A-Za-z]")


@dataclass(frozen=True)
class _Place:
    """Where a node is in the tree: a field of the one above it, and its place in a list there."""

    above: ast.AST
    field: str
    number: int | None

    def put(self, node):
        if self.number is None:
            setattr(self.above, self.field, node)
        else:
            getattr(self.above, self.field)[self.number] = node


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        function: the outermost function it is in, with its class.
        lines: of that function, first and last.
        change: what is there, and what takes its place.
        code: of the whole module with the change.
    """

    function: str
    lines: tuple[int, int]
    change: str
    code: CodeType


def mutants_of(text, path="module.py") -> Iterator[Mutant]:
    """Make each mutant of a module's source."""
    tree = ast.parse(text)
    seen = Counter()
    for name, function in _functions(tree):
        lines = (
            min(node.lineno for node in (function, *function.decorator_list)),
            function.end_lineno,
        )
        for place, old, new in _changes_below(function):
            before = _shown(place.above, old)
            place.put(ast.fix_missing_locations(ast.copy_location(new, old)))
            code = compile(tree, path, "exec")
            change = f"{before} → {_shown(place.above, new)}"
            place.put(old)
            seen[name, change] += 1
            again = f" ({seen[name, change]})" if seen[name, change] > 1 else ""
            yield Mutant(name, lines, change + again, code)


def _functions(tree, within=""):
    for node in tree.body:
        if isinstance(node, _FUNCTIONS):
            yield within + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{within}{node.name}.")


def _shown(above, node):
    """Return a change as one reads it: with what is around an expression."""
    is_around = isinstance(above, ast.expr | ast.keyword | ast.comprehension) or (
        isinstance(node, ast.Constant) and isinstance(above, ast.Return | ast.Assign)
    )
    whole = above if is_around else node
    return " ".join(ast.unparse(whole).split())


def _changes_below(node):
    for field, value in ast.iter_fields(node):
        children = value if isinstance(value, list) else [value]
        for number, child in enumerate(children):
            if not isinstance(child, ast.AST) or _is_left_out(node, field, child):
                continue
            place = _Place(node, field, number if isinstance(value, list) else None)
            for new in _changes(node, field, child):
                yield place, child, new
            if not isinstance(child, ast.Raise | ast.JoinedStr):
                yield from _changes_below(child)


def _is_left_out(above, field, node):
    if isinstance(above, (*_FUNCTIONS, ast.AnnAssign)) and field in {
        "args",
        "decorator_list",
        "returns",
        "annotation",
    }:
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(above, ast.Call) and isinstance(above.func, ast.Name) and above.func.id == "cast":
        return field == "args"
    return isinstance(node, ast.Assert) or (isinstance(node, ast.keyword) and node.arg == "strict")


def _changes(above, field, node):
    """Return what may take the place of a node."""
    if isinstance(node, ast.stmt):
        return _other_statements(node)
    if field in {"test", "ifs"} and isinstance(node, ast.Name | ast.Attribute | ast.Call):
        return iter([ast.UnaryOp(ast.Not(), node)])
    if isinstance(node, ast.Name) and isinstance(above, ast.Call) and field == "func":
        return (ast.Name(name, ast.Load()) for name in _OTHER_FUNCTION.get(node.id, ()))
    return _other_expressions(node)


def _other_statements(node):
    match node:
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
        case ast.Raise() | ast.AugAssign() | ast.Delete():
            yield ast.Pass()
        case ast.Expr():
            yield ast.If(ast.Constant(False), [node], [])


def _other_expressions(node):
    match node:
        case ast.Compare():
            for number, operator in enumerate(node.ops):
                ops = [*node.ops]
                ops[number] = _OTHER_COMPARISON[type(operator)]()
                yield ast.Compare(node.left, ops, node.comparators)
        case ast.BoolOp():
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield ast.BoolOp(other, node.values)
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.BinOp() if not any(map(_is_text, (node.left, node.right))):
            yield ast.BinOp(node.left, _OTHER_ARITHMETIC[type(node.op)](), node.right)
        case ast.Constant():
            yield from _other_constants(node.value)
        case ast.JoinedStr() if not _WORDS.search(_text(node)):
            yield ast.JoinedStr([*node.values, ast.Constant("XX")])


def _other_constants(value):
    match value:
        case bool():
            yield ast.Constant(not value)
        case int() | float():
            yield ast.Constant(value + 1)
        case str() if not _WORDS.search(value):
            yield ast.Constant(f"XX{value}")
        case bytes():
            yield ast.Constant(b"XX" + value)


def _is_text(node):
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    )


def _text(node):
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values
    )
