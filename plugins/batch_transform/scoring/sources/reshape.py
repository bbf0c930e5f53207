"""A pipeline's own ``reshape.py``: a function from a chunk of rows to another, as DataFrames.

    def reshape(frame: pandas.DataFrame) -> pandas.DataFrame:
        frame["is_long"] = frame["distance"] > 1000
        return frame[frame["carrier"].notna()]

It sees rows in the order of the source, some thousands at a time, so it may drop rows and compute
features, and may not depend on rows of another chunk. Integers beside NULLs stay integers, since
columns have pandas' nullable types; decimals, dates, lists and objects are Python's own.
"""

from __future__ import annotations

import ast
import traceback
from collections.abc import Callable, Iterator, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from itertools import chain
from pathlib import Path
from typing import Any

from batch_transform.scoring.errors import ConfigurationError, SourceError
from batch_transform.scoring.kinds import Column, Kind, Row
from batch_transform.scoring.records.encoder import chunks
from batch_transform.scoring.records.kind_of import kind_of
from batch_transform.scoring.records.unwritable import FINE, Unwritable
from batch_transform.scoring.sources.protocol import Table

Function = Callable[[Any], Any]

_SIGNATURE = "reshape(frame: pandas.DataFrame) -> pandas.DataFrame"

_DTYPES: dict[Kind, str] = {
    "integer": "Int64",
    "float": "Float64",
    "boolean": "boolean",
    "text": "string",
}
_LARGEST = 2**63
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def problems(path: Path) -> Iterator[str]:
    """Say what is wrong with a ``reshape.py``, without running it: pandas may not be there yet."""
    try:
        module = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        yield f"line {line}: {getattr(error, 'msg', error)}"
        return
    except (RecursionError, MemoryError):
        yield "is nested too deeply to be read"
        return
    for node in module.body:
        if isinstance(node, _FUNCTIONS) and node.name == "reshape":
            arguments = [*node.args.posonlyargs, *node.args.args]
            if isinstance(node, ast.AsyncFunctionDef) or not (arguments or node.args.vararg):
                yield f"line {node.lineno}: it must be a function of one argument, {_SIGNATURE}"
    if {"reshape", "*"}.isdisjoint(_names(module)):
        yield f"does not define {_SIGNATURE}"


def _names(node: ast.AST) -> Iterator[str]:
    """Yield the names to which a module gives a value, in an if or a try, too."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, (*_FUNCTIONS, ast.ClassDef)):
            yield inner.name
        elif isinstance(inner, ast.alias):
            yield inner.asname or inner.name
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id
        else:
            yield from _names(inner)


def load(path: Path) -> Function:
    """Import the function ``reshape`` of a file.

    Raises:
        ConfigurationError: the file cannot be imported, or has no such function.
    """
    spec = spec_from_file_location(f"{path.parent.name}_reshape", path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{path} cannot be imported; is it a Python file?")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        function: Function = module.reshape
    except Exception as error:
        raise ConfigurationError(
            f"{_place(error, path)} cannot be imported: {type(error).__name__}: {error}. It must"
            f" define {_SIGNATURE}"
        ) from error
    return function


class Reshape:
    """Applies a function to the rows of a table, a chunk at a time."""

    def __init__(self, path: Path) -> None:
        """Apply the function of a ``reshape.py``."""
        self._path = path
        self._function = load(path)
        self._kinds: dict[str, Kind | None] = {}

    def __call__(self, table: Table) -> Table:
        """Return the reshaped table; of no rows one without columns, since nobody can tell which.

        Raises:
            SourceError: the function fails, or returns something else than a frame with the same
                columns for each chunk; names the chunk, and the function's file and line.
        """
        names = [column.name for column in table.columns]
        self._kinds = {column.name: column.kind for column in table.columns}
        frames = self._frames(names, chunks(table.rows))
        first = next(frames, None)
        if first is None:
            return Table(columns=(), rows=iter(()))
        columns = [str(name) for name in first.columns]
        return Table(
            columns=tuple(Column(name=name) for name in columns),
            rows=self._rows(columns, chain([first], frames)),
        )

    def _frames(self, names: Sequence[str], pending: Iterator[list[Row]]) -> Iterator[Any]:
        for number, rows in enumerate(pending, start=1):
            frame = self._frame(names, rows, number)
            try:
                reshaped = self._function(frame)
            except Exception as error:
                raise SourceError(
                    f"{_place(error, self._path)} failed on chunk {number} of the rows:"
                    f" {type(error).__name__}"
                ) from error
            self._check(reshaped, number)
            yield reshaped

    def _check(self, reshaped: Any, number: int) -> None:
        import pandas  # not at the top: Airflow's parsing of the DAG must stay quick

        if not isinstance(reshaped, pandas.DataFrame):
            raise SourceError(
                f"{self._path} returned {type(reshaped).__name__} for chunk {number} of the rows;"
                " reshape must return a pandas.DataFrame"
            )
        if not len(reshaped.columns):
            raise SourceError(
                f"{self._path} returned a frame without columns for chunk {number} of the rows; to"
                " drop all of them return frame.iloc[:0], which keeps its columns"
            )

    def _frame(self, names: Sequence[str], rows: Sequence[Row], number: int) -> Any:
        import pandas

        series = {}
        for name, values in zip(names, zip(*rows, strict=True), strict=True):
            kind = self._kinds[name]
            try:
                if kind != "nested":  # JSON may be anything
                    kind = self._kinds[name] = kind_of(values, kind)
            except Unwritable as problem:
                place = f"row {problem.position + 1} of chunk {number}"
                raise SourceError(
                    f"Column {name} holds {problem.hazard.what}: {place}, before"
                    f" {self._path.name} sees it"
                ) from None
            series[name] = _series(values, kind)
        return pandas.DataFrame(series, columns=list(names))

    def _rows(self, names: Sequence[str], frames: Iterator[Any]) -> Iterator[Row]:
        for number, frame in enumerate(frames, start=1):
            if [str(name) for name in frame.columns] != names:
                raise SourceError(
                    f"{self._path} returned other columns for chunk {number} of the rows than for"
                    f" the first: {', '.join(map(str, frame.columns))} and not {', '.join(names)}"
                )
            yield from zip(*(_values(frame.iloc[:, at]) for at in range(len(names))), strict=True)


def _series(values: Sequence[Any], kind: Kind | None) -> Any:
    """Make a column in which nothing is rounded and NULL is told from NaN."""
    import pandas

    dtype = _DTYPES.get(kind, "object") if kind else "object"
    if kind == "integer" and not all(v is None or -_LARGEST <= v < _LARGEST for v in values):
        dtype = "object"
    if kind == "float":
        return _floats(values)
    try:
        return pandas.Series(values, dtype=dtype)
    except UnicodeEncodeError:  # half of a surrogate pair, which the policy for it is to meet
        return pandas.Series(values, dtype="object")


def _floats(values: Sequence[float | None]) -> Any:
    import numpy as np
    import pandas

    missing = np.array([value is None for value in values])
    numbers = np.array([0.0 if value is None else value for value in values], dtype="float64")
    return pandas.Series(pandas.arrays.FloatingArray(numbers, missing))


def _values(series: Any) -> list[Any]:
    """Return a column's values as Python's own; what pandas counts as missing is None."""
    import pandas

    def python(value: Any) -> Any:
        if value is pandas.NA or value is pandas.NaT:
            return None
        if isinstance(value, pandas.Timestamp):
            return FINE if value.nanosecond else value.to_pydatetime()
        return value.item() if hasattr(value, "item") and hasattr(value, "dtype") else value

    values = series.astype("object")
    if series.dtype != "object" and series.dtype.kind != "f":  # else NaN is a number
        values = values.where(series.notna(), None)
    return [python(value) for value in values.tolist()]


def _place(error: BaseException, path: Path) -> str:
    """Return the file and, where the error passed through it, the line."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(path)
    ]
    return f"{path}:{lines[-1]}" if lines else str(path)
