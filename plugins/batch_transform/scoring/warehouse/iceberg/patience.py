"""How long a load tries to commit while others do: a commit of Iceberg waits for nobody.

It says which snapshot it was made on, and fails where the table has another by now.
https://iceberg.apache.org/spec/#optimistic-concurrency
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from pyiceberg.exceptions import CommitFailedException

from batch_transform.scoring.errors import TargetLocked

_Result = TypeVar("_Result")


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often work is done anew, from a look at the table, and with what pauses.

    Attributes:
        tries: how many there are.
        pause: seconds after the first; each is twice the one before.
        longest: seconds of the longest pause.
        sleep: waits so many seconds.
    """

    tries: int = 20
    pause: float = 0.1
    longest: float = 10
    sleep: Callable[[float], None] = time.sleep

    def committed(self, table: str, work: Callable[[], _Result]) -> _Result:
        """Do work that ends with a commit to a table, until it does.

        Raises:
            TargetLocked: others committed at each try.
        """
        for number in range(self.tries):
            with suppress(CommitFailedException):
                return work()
            self.sleep(min(self.pause * 2**number, self.longest))
        raise TargetLocked(
            f"Others committed to {table} at each of {self.tries} tries. See which runs, and which"
            " maintenance of the table, write to it all the time"
        )
