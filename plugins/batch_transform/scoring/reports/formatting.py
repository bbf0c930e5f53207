"""Figures as a person reads them: the filters of the pages' templates."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from batch_transform.scoring.planning.effort import usd

NOTHING = "-"

_WHOLE, _ENDLESS = 1e4, 1e15  # between them, a number has no digits after the point
_SIZES = ("B", "kB", "MB", "GB", "TB")
_STATES = {  # what a state looks like, in the words of the style sheet
    "success": "good",
    "Completed": "good",
    "failed": "bad",
    "Failed": "bad",
    "upstream_failed": "bad",
    "Stopped": "bad",
    "running": "busy",
    "deferred": "busy",
    "InProgress": "busy",
    "Stopping": "busy",
    "queued": "busy",
    "awaiting_input": "warn",
    "scheduled": "busy",
    "up_for_retry": "warn",
    "up_for_reschedule": "busy",
}


def number(value: int | None) -> str:
    """Spell a number of things."""
    return NOTHING if value is None else f"{value:,}"


def figure(value: float | None) -> str:
    """Spell a measured number."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if _WHOLE <= abs(value) < _ENDLESS else f"{value:.4g}"


def value(found: Any) -> str:
    """Spell a prediction: a measured number, or anything else as it is."""
    if found is None or (isinstance(found, float | int) and not isinstance(found, bool)):
        return figure(found)
    return str(found)


def percent(share: float | None) -> str:
    """Spell a share."""
    return NOTHING if share is None else f"{share:.1%}"


def dollars(value: float | None) -> str:
    """Spell an amount."""
    return NOTHING if value is None else f"${usd(value)}"


def size(value: float | None) -> str:
    """Spell a number of bytes."""
    if value is None:
        return NOTHING
    for unit in _SIZES:
        if value < 1000 or unit == _SIZES[-1]:
            break
        value /= 1000
    return f"{value:.3g} {unit}"


def duration(seconds: float | None) -> str:
    """Spell a length of time."""
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def moment(value: datetime | None) -> str:
    """Spell a moment, in UTC."""
    return NOTHING if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def looks(state: str) -> str:
    """Return the class of a state's mark."""
    return _STATES.get(state, "idle")


def indented(value: Any) -> str:
    """Spell a request, as JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


FILTERS: Mapping[str, Callable[[Any], str]] = {
    each.__name__: each
    for each in (number, figure, value, percent, dollars, size, duration, moment, looks, indented)
}
