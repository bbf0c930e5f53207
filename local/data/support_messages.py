"""Messages to an airline's support desk, written for this demo, kept as JSON Lines."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from local.data.errors import MessagesUnreadableError

MESSAGES_FILE = Path(__file__).with_name("support_messages.jsonl")


@dataclass(frozen=True, kw_only=True)
class SupportMessage:
    """One message; `created_at` carries its offset from UTC."""

    message_id: int
    created_at: datetime
    subject: str | None
    body: str | None

    def __post_init__(self) -> None:
        """Refuses an instant that could mean two things."""
        if self.created_at.tzinfo is None:
            raise ValueError(f"created_at {self.created_at} needs an offset from UTC")


def read_messages(path: Path = MESSAGES_FILE) -> Iterator[SupportMessage]:
    """The messages in file order.

    Raises:
        MessagesUnreadableError: a line is not a message; names file and line.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield _message(line)
            except (KeyError, TypeError, ValueError) as error:
                raise MessagesUnreadableError(f"{path.name}, line {number}: {error}") from error


def _message(line: str) -> SupportMessage:
    fields = json.loads(line)
    return SupportMessage(
        message_id=fields["message_id"],
        created_at=datetime.fromisoformat(fields["created_at"]),
        subject=fields["subject"],
        body=fields["body"],
    )
