"""Where ids and predictions lie in a JSON line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from batch_transform.scoring.outputs.shape import ENGINE_INPUT, Shape
from batch_transform.scoring.pipeline import ENGINE_OUTPUT
from batch_transform.scoring.pipeline.prediction_types import Unfit
from batch_transform.scoring.pipeline.replypath import Steps, reply_path


def id_paths(record: Any, shape: Shape) -> Sequence[Steps]:
    """Say where the ids lie in a record, which may be an object, a list, or the id itself."""
    if isinstance(record, dict):
        return [[name] for name in shape.id_names]
    return [[place] for place in range(shape.ids)] if isinstance(record, list) else [[]]


def joined_id_paths(answer: Any, shape: Shape) -> Sequence[Steps]:
    """Say where the ids lie in a line that SageMaker joined."""
    if isinstance(answer, dict) and ENGINE_INPUT in answer:
        return [[ENGINE_INPUT, *steps] for steps in id_paths(answer[ENGINE_INPUT], shape)]
    return [[name] for name in shape.id_names]


def prediction_paths(shape: Shape) -> Sequence[Steps]:
    """Say where the predictions lie in a line of the output."""
    start = [ENGINE_OUTPUT] if shape.joined else []
    return [[*start, *reply_path(str(each.at))] for each in shape.predictions.values()]


def value_at(value: Any, steps: Steps) -> Any:
    """Follow a path.

    Raises:
        Unfit: it leads nowhere.
    """
    for step in steps:
        try:
            value = value[step]
        except (LookupError, TypeError):
            raise Unfit(f"there is no {step!r} in the {type(value).__name__}") from None
    return value
