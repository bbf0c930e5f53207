"""The demo's verdict on its own runs."""

from dataclasses import replace
from datetime import date

import pytest

from local.results import Scored, table

GOOD = Scored(
    pipeline="flight_delay",
    partition=date(2013, 6, 1),
    source_rows=754,
    package_rows=754,
    predictions=754,
    quarantined=0,
    mean_score=0.14081,
    transform_jobs=1,
    seconds=20.54,
)


def test_equal_counts_agree_where_the_package_has_them_and_where_it_has_none():
    assert GOOD.agrees
    assert replace(GOOD, package_rows=None).agrees
    assert replace(GOOD, predictions=752, quarantined=2).agrees


@pytest.mark.parametrize(
    "change",
    [
        {"source_rows": 753},
        {"package_rows": 755},
        {"predictions": 753},
        {"quarantined": 1},
        {"transform_jobs": 0},
        {"transform_jobs": 2},
        {"source_rows": 0, "package_rows": 0, "predictions": 0},
    ],
)
def test_any_difference_is_a_disagreement(change):
    assert not replace(GOOD, **change).agrees


def test_the_table_has_a_line_for_each_partition():
    missing = replace(GOOD, partition=date(2013, 6, 2), predictions=0, mean_score=None)
    assert table([GOOD, missing]).splitlines() == [
        "pipeline      partition   source rows  predictions  quarantined  mean score"
        "  transform jobs  seconds",
        "------------  ----------  -----------  -----------  -----------  ----------"
        "  --------------  -------",
        "flight_delay  2013-06-01  754          754          0            0.1408      1"
        "               20.5",
        "flight_delay  2013-06-02  754          0            0            -           1"
        "               20.5",
    ]
