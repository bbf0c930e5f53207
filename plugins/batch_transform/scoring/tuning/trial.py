"""Settings of a transform job that are tried, and what was seen of them."""

from __future__ import annotations

from dataclasses import dataclass

MOST_IN_FLIGHT_MB = 100  # payload times concurrency, as CreateTransformJob has it
CONCURRENCIES = (1, 2, 4, 8, 16, 32, 64)
PAYLOADS_MB = (1, 2, 4, 6, 12, 25)


@dataclass(frozen=True, kw_only=True, order=True)
class Trial:
    """Settings that change no prediction, but what it costs.

    Attributes:
        instance_type: of the job.
        strategy: ``MultiRecord`` or ``SingleRecord``.
        max_payload_mb: of a request.
        max_concurrent_transforms: requests at once.
    """

    instance_type: str
    strategy: str
    max_payload_mb: int
    max_concurrent_transforms: int

    @property
    def is_allowed(self) -> bool:
        """Whether the service takes it."""
        return self.max_payload_mb * self.max_concurrent_transforms <= MOST_IN_FLIGHT_MB

    def __str__(self) -> str:
        return (
            f"{self.instance_type} {self.strategy} max_payload_mb {self.max_payload_mb}"
            f" max_concurrent_transforms {self.max_concurrent_transforms}"
        )


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a job with these settings took.

    Attributes:
        trial: the settings.
        records: that were sent.
        seconds: from the job's start to its end, on one instance.
        problem: why it is no success; empty where it is.
    """

    trial: Trial
    records: int
    seconds: float
    problem: str = ""

    def speed(self, startup: float) -> float:
        """Return records a second once the container has started; 0 where the job failed."""
        if self.problem or self.seconds <= 0:
            return 0.0
        return self.records / max(self.seconds - startup, 0.01 * self.seconds)


def startup_seconds(less: Seen, more: Seen) -> float:
    """Fit the time that a job takes whatever it is sent: two jobs that differ in their records.

    Seconds are ``startup + records / speed`` of both.
    """
    if less.problem or more.problem or more.records <= less.records:
        return 0.0
    each = (more.seconds - less.seconds) / (more.records - less.records)
    return min(max(0.0, more.seconds - more.records * max(each, 0.0)), less.seconds)
