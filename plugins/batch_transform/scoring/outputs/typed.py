"""A predicted value: from what the model wrote to what its column declares."""

from __future__ import annotations

from typing import Any

from batch_transform.scoring.pipeline import Prediction
from batch_transform.scoring.pipeline.prediction_types import TYPES, Unfit


def typed(name: str, value: Any, prediction: Prediction) -> Any:
    """Return the value as its column's type.

    Args:
        name: the column.
        value: a CSV field, or any JSON value.
        prediction: what the column declares.

    Raises:
        Unfit: it has no such type, is not finite, is null without leave, or is out of bounds.
    """
    if value is None:
        if prediction.nullable:
            return None
        raise Unfit(f"{name} is null; allow it with nullable: true")
    fit = TYPES[prediction.type].read(name, value)
    if prediction.min is not None and fit < prediction.min:
        raise Unfit(f"{name} is {fit}, below its min of {prediction.min}")
    if prediction.max is not None and fit > prediction.max:
        raise Unfit(f"{name} is {fit}, above its max of {prediction.max}")
    return fit
