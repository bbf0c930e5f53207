"""What people read of a search for settings."""

from dataclasses import replace

from batch_transform.scoring.tuning.advice import Advice
from batch_transform.scoring.tuning.trial import Seen, Trial

SMALL = Trial(
    instance_type="ml.m5.large",
    strategy="MultiRecord",
    max_payload_mb=6,
    max_concurrent_transforms=4,
)
SINGLE = replace(SMALL, strategy="SingleRecord")
BROKEN = replace(SMALL, max_payload_mb=25)
ADVICE = Advice(
    seen=(
        Seen(trial=SINGLE, records=1000, seconds=160),
        Seen(trial=BROKEN, records=1000, seconds=160, problem="the container ended\nand more"),
        Seen(trial=SMALL, records=1000, seconds=70),
    ),
    best=SMALL,
    startup=60,
    records=360_000,
    instances=10,
    prices={"ml.m5.large": 1.2},
    used_minutes=6.5,
    is_complete=True,
)


def test_the_best_comes_first_with_what_a_whole_partition_takes_and_costs():
    best, single, broken = ADVICE.rows()
    assert (best["records_per_second"], best["seconds"]) == (100, 60 + 360)
    assert best["cost"] == 10 * 1.2 * 420 / 3600
    assert (single["records_per_second"], single["seconds"]) == (10, 60 + 3600)
    assert (broken["records_per_second"], broken["seconds"], broken["cost"]) == (0, None, None)


def test_the_table_ends_with_the_lines_of_the_settings():
    head, best, _, broken, took, *settings = ADVICE.lines()
    assert head.split()[:3] == ["type", "strategy", "MB"]
    assert best.split()[:6] == ["ml.m5.large", "MultiRecord", "6", "4", "100", "420"]
    assert broken.endswith("the container ended")
    assert took == "The container takes 60.0 s to start; 6.5 instance minutes were used."
    assert settings == [
        "pipeline.yaml:",
        "transform:",
        "  instance_type: ml.m5.large",
        "  strategy: MultiRecord",
        "  max_concurrent_transforms: 4",
        "  max_payload_mb: 6",
    ]


def test_where_nobody_knows_rows_or_prices_neither_time_nor_cost_is_told():
    unknown = replace(ADVICE, records=None, prices={}, is_complete=False)
    assert all(row["seconds"] is row["cost"] is None for row in unknown.rows())
    assert "The budget was used up before the search was over; with more it goes on." in list(
        unknown.lines()
    )
