"""How long to wait before looking again.

Many runs that look at the same beat are throttled together, so every pause is jittered. A young
job is looked at often, since short jobs end soon; an old one at the deployment's interval.
"""

from __future__ import annotations

_SHARE_OF_AGE = 0.1
_SHORTEST_SECONDS = 1.0
_JITTER = 0.2
_LONGEST_SECONDS = 300.0


def pause(age_seconds: float, poll_seconds: float, chance: float) -> float:
    """Return the pause between two looks, in seconds.

    Args:
        age_seconds: how long ago the job was created.
        poll_seconds: the deployment's interval, reached at ten times its age.
        chance: any number from 0 to 1, anew each time.
    """
    wanted = max(_SHORTEST_SECONDS, _SHARE_OF_AGE * age_seconds)
    return _jittered(min(wanted, poll_seconds), chance)


def pause_after_failure(failures: int, poll_seconds: float, chance: float) -> float:
    """Return the pause after the n-th look in a row that failed: it doubles, up to 5 minutes."""
    doubled = poll_seconds * 2.0 ** min(failures, 16)
    return _jittered(min(doubled, max(_LONGEST_SECONDS, poll_seconds)), chance)


def pause_for_data(waited_seconds: float, poll_seconds: float) -> float:
    """Return the pause before the source is asked again whether its data have come."""
    wanted = max(poll_seconds, _SHARE_OF_AGE * waited_seconds)
    return min(wanted, max(_LONGEST_SECONDS, poll_seconds))


def _jittered(seconds: float, chance: float) -> float:
    return seconds * (1 - _JITTER + 2 * _JITTER * chance)
