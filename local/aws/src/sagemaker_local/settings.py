"""The values of the switches that are in force; `sagemaker_local.switches` says what they are."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from sagemaker_local.switches import SWITCHES

if TYPE_CHECKING:
    from collections.abc import Sequence


class UnknownSwitchError(ValueError):
    """There is no such switch, or it cannot take the value."""


class Switches:
    """The values in force.

    Args:
        assignments: `name=value` each, in force from the start and again after a reset.

    Raises:
        UnknownSwitchError: there is no such switch, or it cannot take the value.
    """

    def __init__(self, assignments: Sequence[str] = ()) -> None:
        self._lock = threading.Lock()
        self._table = {switch.name: switch for switch in SWITCHES}
        self._at_start = {name: switch.default for name, switch in self._table.items()}
        self._at_start |= dict(map(self._parsed, assignments))
        self._values = dict(self._at_start)

    def __getitem__(self, name: str) -> Any:
        with self._lock:
            return self._values[name]

    def all(self) -> dict[str, Any]:
        """Every switch's value."""
        with self._lock:
            return dict(self._values)

    def set(self, values: dict[str, Any]) -> None:
        """Change some, all or none.

        Raises:
            UnknownSwitchError: there is no such switch, or it cannot take the value.
        """
        checked = {name: self._checked(name, value) for name, value in values.items()}
        with self._lock:
            self._values.update(checked)

    def reset(self) -> None:
        """Back to the values of the start."""
        with self._lock:
            self._values = dict(self._at_start)

    def _parsed(self, assignment: str) -> tuple[str, Any]:
        name, _, text = assignment.partition("=")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        return name, self._checked(name, value)

    def _checked(self, name: str, value: Any) -> Any:
        switch = self._table.get(name)
        if switch is None:
            names = ", ".join(sorted(self._table))
            raise UnknownSwitchError(f"there is no switch {name!r}; there are {names}")
        if switch.allowed and value not in switch.allowed:
            raise UnknownSwitchError(f"{name} takes one of {list(switch.allowed)}, not {value!r}")
        if isinstance(switch.default, float) and type(value) is int:
            return float(value)
        if isinstance(switch.default, tuple) and isinstance(value, list):
            return tuple(value)
        if type(value) is not type(switch.default):
            kind = type(switch.default).__name__
            raise UnknownSwitchError(f"{name} takes a value of type {kind}, not {value!r}")
        return value
