"""The flight model, trained on the demo data with the pipeline's own query."""

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from sklearn.metrics import roc_auc_score

from local.models.build import build_flight_delay
from local.models.errors import TrainingDataError
from local.models.flight_delay.inference import model_fn, predict_fn
from local.models.flight_delay.train import fit, read_rows, write_model

Warehouse = psycopg.Connection[Any]
PIPELINE = Path(__file__).parents[3] / "include" / "pipelines" / "flight_delay"
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def features_sql() -> str:
    return (PIPELINE / "features.sql").read_text(encoding="utf-8")


def test_the_model_tells_late_flights_of_days_it_has_not_seen(
    warehouse: Warehouse, features_sql: str, tmp_path: Path
) -> None:
    """Three weeks are enough to tell that it learns; the demo's test trains on five months."""
    start, end = datetime(2013, 6, 1, tzinfo=NEW_YORK), datetime(2013, 6, 5, tzinfo=NEW_YORK)
    weeks_before = read_rows(warehouse, features_sql, datetime(2013, 5, 11, tzinfo=NEW_YORK), start)
    write_model(fit(weeks_before), tmp_path)
    unseen = read_rows(warehouse, features_sql, start, end)
    as_csv_fields = [
        ["" if value is None else str(value) for value in record] for record in unseen.records
    ]

    scores = predict_fn(as_csv_fields, model_fn(str(tmp_path)))

    assert roc_auc_score(unseen.late, scores) >= 0.65


def test_late_is_15_minutes_or_more(warehouse: Warehouse, features_sql: str) -> None:
    start, end = datetime(2013, 6, 1, tzinfo=NEW_YORK), datetime(2013, 6, 2, tzinfo=NEW_YORK)
    rows = read_rows(warehouse, features_sql, start, end)
    counted = warehouse.execute(
        "SELECT COUNT(arr_delay), COUNT(*) FILTER (WHERE arr_delay >= 15)"
        " FROM source.flights WHERE month = 6 AND day = 1"
    ).fetchone()

    assert (len(rows.records), sum(rows.late)) == counted


def test_no_feature_is_known_only_after_the_flight(warehouse: Warehouse, features_sql: str) -> None:
    start, end = datetime(2013, 6, 1, tzinfo=NEW_YORK), datetime(2013, 6, 2, tzinfo=NEW_YORK)
    before = read_rows(warehouse, features_sql, start, end).records
    warehouse.execute(
        "UPDATE source.flights SET dep_time = 1, dep_delay = 600, arr_time = 1, air_time = 1,"
        " arr_delay = 600 WHERE month = 6 AND day = 1 AND arr_delay IS NOT NULL"
    )

    assert read_rows(warehouse, features_sql, start, end).records == before


def test_an_empty_period_says_what_to_do(warehouse: Warehouse, features_sql: str) -> None:
    start, end = datetime(2014, 1, 1, tzinfo=NEW_YORK), datetime(2014, 2, 1, tzinfo=NEW_YORK)

    with pytest.raises(TrainingDataError, match=r"found 0 flights .* load the demo data"):
        read_rows(warehouse, features_sql, start, end)


@pytest.fixture
def few_flights(warehouse: Warehouse) -> Warehouse:
    """A warehouse in which training is quick."""
    warehouse.execute("DELETE FROM source.flights WHERE month <> 1 OR day > 2")
    return warehouse


def test_a_trained_model_is_kept(few_flights: Warehouse, features_sql: str, tmp_path: Path) -> None:
    first = build_flight_delay(few_flights, features_sql, tmp_path)
    [kept] = tmp_path.iterdir()
    kept.write_bytes(b"kept")

    assert (first.name, first.image) == ("flight-delay", "local/scikit-learn:1")
    assert build_flight_delay(few_flights, features_sql, tmp_path).content == b"kept"


@pytest.mark.parametrize("change", ["query", "data"])
def test_a_change_trains_anew(
    few_flights: Warehouse, features_sql: str, tmp_path: Path, change: str
) -> None:
    before = build_flight_delay(few_flights, features_sql, tmp_path)
    if change == "query":
        features_sql = features_sql.replace("flights.distance", "flights.distance * 2 AS distance")
    else:
        few_flights.execute("UPDATE source.flights SET arr_delay = 60 WHERE carrier = 'UA'")

    assert build_flight_delay(few_flights, features_sql, tmp_path).sha256 != before.sha256
