"""Paths into a model's JSON reply, such as ``predictions[0][0]``; ``$`` is the whole reply."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

Steps = Sequence[str | int]

_STEP = re.compile(r"(?:^|\.)([A-Za-z_][A-Za-z0-9_]*)|\[(\d+)\]")


def reply_path(text: str) -> list[str | int]:
    """Split a path into its keys and indexes.

    Raises:
        ValueError: the text is not a path.
    """
    if text == "$":
        return []
    matches = list(_STEP.finditer(text))
    if not text or "".join(match[0] for match in matches) != text:
        raise ValueError(f"{text!r} is not a path such as predictions[0][0], or $ for the whole")
    return [match[1] or int(match[2]) for match in matches]


def json_path(steps: Steps) -> str:
    """Spell steps as a JSONPath in which every key is quoted: ``$."predictions"[0]``."""
    return "$" + "".join(
        f"[{step}]" if isinstance(step, int) else f".{json.dumps(step, ensure_ascii=False)}"
        for step in steps
    )
