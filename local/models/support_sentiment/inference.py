"""Scores support messages with the lexicon of vaderSentiment; this model has nothing to train.

A record is `{"feature_A": subject, "feature_B": body}`; other fields, such as an id, are ignored.
The score is VADER's compound moved from [-1, 1] to [0, 1]: 0 is furious, 1 is delighted.

Hutto, C.J. & Gilbert, E.E. (2014). VADER: A Parsimonious Rule-based Model for Sentiment Analysis
of Social Media Text. https://github.com/cjhutto/vaderSentiment
"""

from collections.abc import Mapping, Sequence
from typing import Any

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

FIELDS = ("feature_A", "feature_B")
DECIMALS = 4


def model_fn(model_dir: str) -> SentimentIntensityAnalyzer:
    """The analyzer; its lexicon comes with the package, so the archive holds code alone."""
    return SentimentIntensityAnalyzer()


def predict_fn(data: Sequence[Any], model: SentimentIntensityAnalyzer) -> list[float]:
    """A score for each record.

    Raises:
        ValueError: a record is not an object with both fields; names the line, from 1.
    """
    texts = [_text(record, number) for number, record in enumerate(data, start=1)]
    return [_score(text, model) for text in texts]


def _text(record: Any, number: int) -> str:
    """Subject and body as one text; a message may lack either (null), a record neither."""
    if not isinstance(record, Mapping):
        raise ValueError(f"line {number}: is not a JSON object with {' and '.join(FIELDS)}")
    for field in FIELDS:
        if not isinstance(record.get(field, 0), str | None):
            raise ValueError(f"line {number}: {field} must be a string or null")
    return "\n".join(record[field] for field in FIELDS if record[field])


def _score(text: str, model: SentimentIntensityAnalyzer) -> float:
    compound: float = model.polarity_scores(text)["compound"]
    return round((compound + 1) / 2, DECIMALS)
