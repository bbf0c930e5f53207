"""Locks of tables: UPDATE and DELETE hold one until their transaction ends; readers need none.

https://docs.snowflake.com/en/sql-reference/transactions#resource-locking
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class TableLocks:
    """Who holds which table."""

    def __init__(self) -> None:
        """Begin without any."""
        self._holders: dict[str, int] = {}
        self._changed = threading.Condition()

    def take(self, table: str, holder: int, is_over: Callable[[], bool]) -> bool:
        """Wait for a table; tell whether it is held now, which it is not where ``is_over``."""
        with self._changed:
            free = self._changed.wait_for(
                lambda: is_over() or self._holders.get(table, holder) == holder
            )
            if not free or is_over():
                return False
            self._holders[table] = holder
            return True

    def release(self, holder: int) -> None:
        """Give up all that somebody holds, and have all who wait look again."""
        with self._changed:
            self._holders = {name: who for name, who in self._holders.items() if who != holder}
            self._changed.notify_all()
