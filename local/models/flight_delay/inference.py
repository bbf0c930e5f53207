"""Scores flights with the classifier that `train.py` left in the archive.

A record is the features in the order of the pipeline's query, as CSV fields or a JSON list; an
empty field or null is a missing value.
"""

import math
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

import joblib
import numpy as np
from numpy.typing import NDArray

# Read when scikit-learn's OpenMP is loaded: a thread that waits for others would otherwise keep a
# core busy, and several containers share a laptop's.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
MODEL_FILE = "model.joblib"
DECIMALS = 4
_MISSING = ("", None)


class Columns(TypedDict):
    """The features in order; for those that are categories, the code of each one seen in training.

    A dictionary does what scikit-learn's OrdinalEncoder does, and does not import pandas for it.
    """

    features: list[str]
    codes: dict[str, dict[str, int]]


class Model(TypedDict):
    """What `train.py` stores: nothing but scikit-learn's own objects and plain data."""

    columns: Columns
    classifier: Any


def model_fn(model_dir: str) -> Model:
    """The trained model of an unpacked archive."""
    with _pandas_hidden():
        model: Model = joblib.load(Path(model_dir) / MODEL_FILE)
    return model


def predict_fn(data: Sequence[Any], model: Model) -> list[float]:
    """The probability of being late for each record.

    Raises:
        ValueError: a record has too few or too many fields, or a field that is no number; names
            the line, from 1.
    """
    values = matrix(data, model["columns"])
    probabilities = model["classifier"].predict_proba(values)[:, 1]
    return [round(float(probability), DECIMALS) for probability in probabilities]


def matrix(records: Sequence[Any], columns: Columns) -> NDArray[np.float64]:
    """Records as numbers, a column a feature; a category's code, NaN for missing or never seen.

    Args:
        records: lists of values, text or numbers, in the order of the features.
        columns: what the features are.

    Raises:
        ValueError: as `predict_fn`.
    """
    features = columns["features"]
    _check_shape(records, features)
    values = np.empty((len(records), len(features)))
    for position, name in enumerate(features):
        column = [record[position] for record in records]
        codes = columns["codes"].get(name)
        values[:, position] = _numbers(column, name) if codes is None else _codes(column, codes)
    return values


@contextmanager
def _pandas_hidden() -> Iterator[None]:
    """Keeps scikit-learn from importing pandas, which it can do without (sklearn/utils/fixes.py).

    This model sees no data frames, and a container starts 0.9 s sooner: a quarter of its start.
    """
    hidden = "pandas" not in sys.modules
    if hidden:
        sys.modules["pandas"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules["pandas"]


def _check_shape(records: Sequence[Any], features: Sequence[str]) -> None:
    for number, record in enumerate(records, start=1):
        if not isinstance(record, list | tuple) or len(record) != len(features):
            shape = f"{len(record)} fields" if isinstance(record, list | tuple) else "no list"
            raise ValueError(
                f"line {number}: has {shape}, the model takes {len(features)} fields:"
                f" {', '.join(features)}"
            )


def _numbers(column: Sequence[Any], name: str) -> list[float]:
    numbers = []
    for line, value in enumerate(column, start=1):
        try:
            numbers.append(math.nan if value in _MISSING else float(value))
        except (TypeError, ValueError):
            raise ValueError(f"line {line}: {name} is {value!r}, and must be a number") from None
        if math.isinf(numbers[-1]):
            raise ValueError(f"line {line}: {name} is infinite, and must be a number")
    return numbers


def _codes(column: Sequence[Any], codes: dict[str, int]) -> list[float]:
    return [codes.get(value, math.nan) if isinstance(value, str) else math.nan for value in column]
