"""A task's memory."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from batch_transform.scoring.jobs.memory import Memory


class InMemoryMemory(Memory):
    """A task's memory as a dict."""

    def __init__(self) -> None:
        """Start empty."""
        self.values: dict[str, Any] = {}

    @override
    def get(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    @override
    def set(self, key: str, value: Any) -> None:
        self.values[key] = value
