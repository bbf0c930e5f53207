from typing import Any

import pytest
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from local.models.support_sentiment.inference import model_fn, predict_fn


@pytest.fixture(scope="module")
def model() -> SentimentIntensityAnalyzer:
    return model_fn("a directory this model does not need")


def score(model: SentimentIntensityAnalyzer, subject: str | None, body: str | None) -> float:
    return predict_fn([{"message_id": 7, "feature_A": subject, "feature_B": body}], model)[0]


def test_pleased_writers_score_high_and_angry_ones_low(model: SentimentIntensityAnalyzer) -> None:
    pleased = score(model, "Thank you!", "A wonderful crew, I love this airline.")
    neutral = score(model, "Seat", "Can I move from 14C to 14A?")
    angry = score(model, "Never again", "Horrible. The worst airline, rude and late.")

    assert 0 <= angry < 0.2
    assert neutral == 0.5
    assert 0.8 < pleased <= 1


def test_the_subject_counts(model: SentimentIntensityAnalyzer) -> None:
    assert score(model, "Terrible", "My flight.") < score(model, "Great", "My flight.")


def test_a_missing_text_is_no_text(model: SentimentIntensityAnalyzer) -> None:
    assert score(model, None, "I love it") == score(model, "", "I love it")
    assert score(model, None, None) == 0.5


def test_each_record_has_its_own_score(model: SentimentIntensityAnalyzer) -> None:
    records = [{"feature_A": text, "feature_B": ""} for text in ("awful", "table", "great")]

    scores = predict_fn(records, model)

    assert scores == sorted(set(scores))


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"feature_A": "x"}, "line 2: feature_B must be a string or null"),
        ({"feature_A": 5, "feature_B": "x"}, "line 2: feature_A must be a string or null"),
        (["x", "y"], "line 2: is not a JSON object with feature_A and feature_B"),
    ],
)
def test_a_bad_record_is_named(model: SentimentIntensityAnalyzer, record: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        predict_fn([{"feature_A": "a", "feature_B": "b"}, record], model)
