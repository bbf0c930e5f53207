"""What can go wrong on an instance.

AgentError
├── JobError             ends the whole job with this FailureReason
├── ObjectError          costs one object its output; says what the data-log shows
│   └── RecordError      one record cannot be read, filtered or joined
├── ExchangeFailed       no whole HTTP reply came back
│   └── ExchangeTimeout  … within the time allowed
└── PathError            a JSONPath that cannot be used
"""

from __future__ import annotations

CLIENT = "ClientError"
ALGORITHM = "AlgorithmError"
INTERNAL = "InternalServerError"


class AgentError(Exception):
    """Anything this package raises on purpose."""


class JobError(AgentError):
    """The job cannot go on.

    Args:
        reason: the FailureReason, with its class before the colon.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ObjectError(AgentError):
    """One object gets no output.

    Args:
        kind: the class the job's FailureReason takes, `ClientError` or `AlgorithmError`.
        lines: what the data-log says after `bucket/key: `, one line each.
    """

    def __init__(self, kind: str, *lines: str) -> None:
        super().__init__("; ".join(lines))
        self.kind = kind
        self.lines = lines


class RecordError(ObjectError):
    """One record cannot be read, filtered or joined, so its object gets no output."""

    def __init__(self, *lines: str) -> None:
        super().__init__(CLIENT, *lines)


class ExchangeFailed(AgentError):
    """The connection broke before a whole reply was read."""


class ExchangeTimeout(ExchangeFailed):
    """The reply was not complete within the time allowed."""


class PathError(AgentError):
    """The path is not one of the documented forms, or does not fit the record."""
