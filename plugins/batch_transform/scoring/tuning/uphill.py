"""The best settings, found with few jobs: one setting at a time, uphill.

Speed over concurrency, and over payload, has one hill: more helps until the container is full, and
then hurts. So each is walked up from where it is, and down from there, until it gets no better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from batch_transform.scoring.tuning.trial import CONCURRENCIES, PAYLOADS_MB, Seen, Trial

_BETTER = 1.05  # less is noise
_STRATEGIES = ("MultiRecord", "SingleRecord")


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search for the best settings.

    Attributes:
        measure: runs a job; None where the budget is used up.
        startup: seconds of a job before its first record.
        prices: USD for an instance hour, by instance type; one without a price is compared by its
            speed alone.
        seen: what was measured so far, by settings.
    """

    measure: Callable[[Trial], Seen | None]
    startup: float = 0.0
    prices: Mapping[str, float] = field(default_factory=dict)
    seen: dict[Trial, Seen] = field(default_factory=dict)

    def best(self, start: Trial, instance_types: Sequence[str] = ()) -> Trial:
        """Return the best settings that were found from some on.

        Args:
            start: the settings to begin with.
            instance_types: others to try, with the best settings of the first.
        """
        best = start
        if not self._value(start):  # too much for the container: less may not be
            best = self._along(best, _payloads(best))
        best = self._along(best, _concurrencies(best))
        best = self._along(best, _payloads(best))
        best = self._best_of(best, (replace(best, strategy=each) for each in _STRATEGIES))
        kinds = (replace(best, instance_type=each) for each in instance_types)
        return self._best_of(best, kinds)

    def _along(self, best: Trial, trials: Sequence[Trial]) -> Trial:
        """Walk up one setting, or down where up is no better; down first where it is too much."""
        higher = [trial for trial in trials if trial > best]
        lower = [trial for trial in reversed(trials) if trial < best]
        first, second = (higher, lower) if self._value(best) else (lower, higher)
        found = self._uphill(best, first)
        return self._uphill(best, second) if found == best else found

    def _uphill(self, best: Trial, trials: Iterable[Trial]) -> Trial:
        for trial in trials:
            if not trial.is_allowed:
                return best
            value, known = self._value(trial), self._value(best)
            if value > known * _BETTER:
                best = trial
            elif known:
                return best  # where both fail, what is further may not
        return best

    def _best_of(self, best: Trial, trials: Iterable[Trial]) -> Trial:
        for trial in trials:
            if trial.is_allowed and self._value(trial) > self._value(best) * _BETTER:
                best = trial
        return best

    def _value(self, trial: Trial) -> float:
        """Return records a second, for each USD an hour where that is known."""
        if trial not in self.seen:
            measured = self.measure(trial)
            if measured is None:
                return 0.0
            self.seen[trial] = measured
        return self.seen[trial].speed(self.startup) / self.prices.get(trial.instance_type, 1.0)


def _payloads(trial: Trial) -> list[Trial]:
    """Return the trials that differ in the payload alone; a single record is sent as it is."""
    if trial.strategy == "SingleRecord":
        return []
    return [replace(trial, max_payload_mb=each) for each in PAYLOADS_MB]


def _concurrencies(trial: Trial) -> list[Trial]:
    """Return the trials that differ in the concurrency alone."""
    return [replace(trial, max_concurrent_transforms=each) for each in CONCURRENCIES]
