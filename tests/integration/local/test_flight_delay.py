import random
from pathlib import Path
from typing import Any

import pytest

from local.models.flight_delay.inference import Model, model_fn, predict_fn
from local.models.flight_delay.train import TrainingRows, fit, write_model

FEATURES = ["carrier", "sched_dep_minute", "visib"]


def rows(count: int) -> TrainingRows:
    """Flights that are late where one cannot see far, and always with carrier ZZ."""
    chance = random.Random(7)
    records = [
        (
            chance.choice(["AA", "UA", "ZZ", None]),
            chance.randrange(1440),
            chance.choice([0.5, 10.0, None]),
        )
        for _ in range(count)
    ]
    return TrainingRows(
        features=FEATURES,
        categorical=["carrier"],
        records=records,
        late=[carrier == "ZZ" or visibility == 0.5 for carrier, _, visibility in records],
    )


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("model")
    write_model(fit(rows(3000)), directory)
    return directory


@pytest.fixture(scope="module")
def model(model_dir: Path) -> Model:
    return model_fn(str(model_dir))


def test_the_archive_holds_model_and_code(model_dir: Path) -> None:
    names = {path.relative_to(model_dir).as_posix() for path in model_dir.rglob("*.*")}

    assert names == {"model.joblib", "code/inference.py"}


def test_the_model_learns_what_makes_flights_late(model: Model) -> None:
    fine, foggy, carrier = predict_fn(
        [["AA", "600", "10.0"], ["AA", "600", "0.5"], ["ZZ", "600", "10.0"]], model
    )

    assert 0 <= fine < 0.1
    assert 0.9 < foggy <= 1
    assert 0.9 < carrier <= 1


def test_text_and_numbers_mean_the_same(model: Model) -> None:
    assert predict_fn([["UA", "17", "0.5"]], model) == predict_fn([["UA", 17, 0.5]], model)


def test_empty_fields_are_missing_values(model: Model) -> None:
    assert predict_fn([["", "", ""]], model) == predict_fn([[None, None, None]], model)


def test_an_unknown_category_is_a_missing_one(model: Model) -> None:
    assert predict_fn([["XX", "5", "10"]], model) == predict_fn([["", "5", "10"]], model)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (
            ["AA", "600"],
            "line 2: has 2 fields, the model takes 3 fields: carrier, sched_dep_minute",
        ),
        (["AA", "600", "1", "2"], "line 2: has 4 fields"),
        ({"carrier": "AA"}, "line 2: has no list"),
        (["AA", "six", "1"], "line 2: sched_dep_minute is 'six', and must be a number"),
        (["AA", "6", [1]], r"line 2: visib is \[1\], and must be a number"),
        (["AA", "6", "inf"], "line 2: visib is infinite"),
    ],
)
def test_a_bad_record_is_named(model: Model, record: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        predict_fn([["AA", "600", "10"], record], model)


def test_training_again_gives_the_same_bytes(model_dir: Path, tmp_path: Path) -> None:
    write_model(fit(rows(3000)), tmp_path)

    assert (tmp_path / "model.joblib").read_bytes() == (model_dir / "model.joblib").read_bytes()
