"""What docs/downstream.md shows is what there is."""

import re

import yaml
from airflow.sdk import PartitionedAssetTimetable

from batch_transform import assets, metrics
from batch_transform.scoring.pipeline import Notify
from tests.factories import an_entry
from tests.project import PROJECT

TEXT = (PROJECT / "docs" / "downstream.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_consumer_is_a_dag_of_the_pipelines_asset(world):
    (example,) = blocks("python")
    found = {}
    exec(compile(example, "late_flights.py", "exec"), found)  # noqa: S102
    assert isinstance(found["dag"].timetable, PartitionedAssetTimetable)
    assert found["SCORES"].name == assets.asset_of(world.pipeline).name


def test_the_messages_are_settings():
    (example,) = blocks("yaml")
    Notify(**yaml.safe_load(example)["notify"])


def test_every_gauge_is_listed():
    entry = an_entry(instance_type="ml.m5.large")
    names = {f"batch_transform.{name}" for name, _ in metrics.gauges(entry, {"ml.m5.large": 1})}
    assert names == set(re.findall(r"\| `(batch_transform\.\w+)` \|", TEXT))
