"""The values of the switches that are in force; `local.aws.switches` says what they are."""

from __future__ import annotations

import json
import threading
from typing import Any

from local.aws.switches import SWITCHES


class UnknownSwitchError(ValueError):
    """There is no such switch, or it cannot take the value."""


class Switches:
    """The values in force."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._table = {switch.name: switch for switch in SWITCHES}
        self._values: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        with self._lock:
            return self._values.get(name, self._table[name].default)

    def all(self) -> dict[str, Any]:
        """Every switch's value."""
        with self._lock:
            return {name: self._values.get(name, s.default) for name, s in self._table.items()}

    def set(self, values: dict[str, Any]) -> None:
        """Change some, all or none.

        Raises:
            UnknownSwitchError: there is no such switch, or it cannot take the value.
        """
        checked = {name: self._checked(name, value) for name, value in values.items()}
        with self._lock:
            self._values.update(checked)

    def set_text(self, assignment: str) -> None:
        """Change one, given as `name=value`.

        Raises:
            UnknownSwitchError: there is no such switch, or it cannot take the value.
        """
        name, _, text = assignment.partition("=")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        self.set({name: value})

    def reset(self) -> None:
        """Back to the defaults."""
        with self._lock:
            self._values.clear()

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
