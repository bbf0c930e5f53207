"""The subset of JSONPath that DataProcessing knows.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html: `$` first,
child names after a dot or quoted in brackets, wildcards, indexes, and one slice. A slice ends
before its end, as users rely on, unless the switch `slice_end` says `inclusive`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sagemaker_local.agent.errors import PathError

_STEP = re.compile(r"\.?\[([^\]]*)\]|\.\s*(\*)|\.([^.\[\]]+)")
_QUOTED = re.compile(r"'([^']*)'")
_INDEX = re.compile(r"-?\d+")
_RANGE = re.compile(r"(-?\d*)\s*:\s*(-?\d*)")
Selector = int | slice


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How the undocumented parts work. See `sagemaker_local.switches`."""

    inclusive: bool = False
    index_and_range: bool = True
    missing: str = "fail"
    sorted_wildcard: bool = False


@dataclass(frozen=True, kw_only=True)
class Names:
    """Children by name: the bare value of one, an object of several."""

    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Positions:
    """Elements by index and slice, in the order given."""

    selectors: tuple[Selector, ...]

    @property
    def is_single(self) -> bool:
        """Whether this is one index, whose value is not put into an array."""
        return len(self.selectors) == 1 and isinstance(self.selectors[0], int)


@dataclass(frozen=True, kw_only=True)
class Wildcard:
    """Every child."""


Step = Names | Positions | Wildcard


class JsonPath:
    """A path that can be applied to records.

    Args:
        text: the path as the request gave it.
        rules: how undocumented parts work.

    Raises:
        PathError: it is not one of the documented forms.
    """

    def __init__(self, text: str, rules: Rules | None = None) -> None:
        self.text = text
        self._rules = rules or Rules()
        self.steps = self._parse()

    @property
    def is_everything(self) -> bool:
        """Whether this is `$`, which passes records through untouched."""
        return not self.steps

    def of_json(self, value: Any) -> Any:
        """What the path selects of a JSON value.

        Raises:
            PathError: a name or an index that the value does not have.
        """
        return self._walk(value, self.steps)

    def of_row(self, row: list[bytes]) -> list[bytes]:
        """What the path selects of a CSV row, as a row.

        Raises:
            PathError: a name, a second step, or an index outside the row.
        """
        if not self.steps:
            return row
        step = self.steps[0]
        if len(self.steps) > 1 or isinstance(step, Names):
            raise self._error("only indexes can be used on CSV data")
        if isinstance(step, Wildcard):
            return row
        kept = self._elements(row, step)
        if not kept:
            raise self._error(f"it selects nothing of the {len(row)} columns")
        return kept

    def _parse(self) -> tuple[Step, ...]:
        if not self.text.startswith("$"):
            raise self._error("it must start with $")
        steps: list[Step] = []
        position = 1
        while position < len(self.text):
            match = _STEP.match(self.text, position)
            if match is None:
                raise self._error(f"cannot read it from {self.text[position:]!r} on")
            steps.append(self._step(match))
            position = match.end()
        return tuple(steps)

    def _step(self, match: re.Match[str]) -> Step:
        inside, star, name = match.groups()
        if star:
            return Wildcard()
        if name is not None:
            if not name.strip() or set(name) & set("*',:"):
                raise self._error(f"{name!r} is not a name")
            return Names(names=(name.strip(),))
        if inside.strip() == "*":
            return Wildcard()
        parts = [part.strip() for part in inside.split(",")]
        if all(part.startswith("'") for part in parts):
            return Names(names=tuple(self._quoted(part) for part in parts))
        return self._positions(inside, parts)

    def _quoted(self, part: str) -> str:
        match = _QUOTED.fullmatch(part)
        if match is None or not match[1]:
            raise self._error(f"{part} is not a quoted name")
        if set(match[1]) & set(".[]*"):
            raise self._error(f"nested names like {part} are not supported in brackets")
        return match[1]

    def _positions(self, inside: str, parts: list[str]) -> Positions:
        selectors = tuple(self._selector(part, inside) for part in parts)
        ranges = sum(isinstance(each, slice) for each in selectors)
        alone = ranges == 1 and (len(selectors) == 1 or self._rules.index_and_range)
        if ranges and not alone:
            raise self._range_error(inside)
        return Positions(selectors=selectors)

    def _selector(self, part: str, inside: str) -> Selector:
        if _INDEX.fullmatch(part):
            return int(part)
        match = _RANGE.fullmatch(part)
        if match and "-" not in match.groups():
            start, end = (int(each) if each else None for each in match.groups())
            return slice(start, self._end(end))
        if part.count(":") > 1:
            raise self._range_error(inside)
        raise self._error(f"{part!r} is not an index, a range or a quoted name")

    def _end(self, end: int | None) -> int | None:
        if end is None or not self._rules.inclusive:
            return end
        return None if end == -1 else end + 1

    def _walk(self, value: Any, steps: tuple[Step, ...]) -> Any:
        for number, step in enumerate(steps):
            if isinstance(step, Names):
                value = self._children(value, step.names)
                continue
            selected = self._all(value) if isinstance(step, Wildcard) else self._list(value, step)
            if isinstance(step, Positions) and step.is_single:
                value = selected[0]
                continue
            rest = steps[number + 1 :]
            return [self._walk(each, rest) for each in selected]
        return value

    def _children(self, value: Any, names: tuple[str, ...]) -> Any:
        if not isinstance(value, dict):
            raise self._error(f"{names[0]!r} is looked for in a value that is not an object")
        absent = [name for name in names if name not in value]
        if absent and self._rules.missing == "fail":
            raise self._error(f"there is no {absent[0]!r}")
        if len(names) == 1:
            return value.get(names[0])
        if self._rules.missing == "omit":
            return {name: value[name] for name in names if name in value}
        return {name: value.get(name) for name in names}

    def _all(self, value: Any) -> list[Any]:
        if isinstance(value, dict):
            names = sorted(value) if self._rules.sorted_wildcard else value
            return [value[name] for name in names]
        if isinstance(value, list):
            return value
        raise self._error("a wildcard needs an object or an array")

    def _list(self, value: Any, step: Positions) -> list[Any]:
        if not isinstance(value, list):
            raise self._error("an index needs an array")
        return self._elements(value, step)

    def _elements(self, values: list[Any], step: Positions) -> list[Any]:
        selected: list[Any] = []
        for selector in step.selectors:
            if isinstance(selector, slice):
                selected += values[selector]
            elif -len(values) <= selector < len(values):
                selected.append(values[selector])
            else:
                raise self._error(f"index {selector} is outside the {len(values)} there are")
        return selected

    def _error(self, why: str) -> PathError:
        return PathError(f"Invalid JsonPath: {self.text}: {why}")

    def _range_error(self, inside: str) -> PathError:
        return self._error(
            "only single range filters of format (eg: [1:5]) are supported. "
            f"Format [{inside}] is not supported"
        )
