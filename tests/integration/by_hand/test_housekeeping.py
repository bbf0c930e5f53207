"""Housekeeping on S3 and a real ledger: what it deletes, and that nothing is paid for it again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from batch_transform.connections import Aws
from batch_transform.open_warehouse import open_warehouse
from batch_transform.scoring.pipelines import read_pipeline
from batch_transform.scoring.retention import tidy as module
from batch_transform.scoring.retention.tidy import Housekeeping, tidy
from tests.iam import recording
from tests.integration.by_hand.conftest import DAY
from tests.integration.by_hand.test_permissions import refused

DAYS = timedelta(days=1)


def listing_at(moment, objects):
    """Let S3 list objects at another moment."""
    listed = objects.listed
    objects.listed = lambda start: (replace(each, listed_at=moment) for each in listed(start))
    return objects


def passes(world, name, *days):
    """Tidy so many days from now, one pass after the other."""
    pipeline, services = read_pipeline(world.root / name), Aws("aws_default")
    done = []
    with open_warehouse(pipeline.settings.target) as warehouse:
        for each in days:
            later = datetime.now(UTC) + each * DAYS
            done.append(
                tidy(
                    Housekeeping(
                        pipeline=pipeline,
                        root=world.deployment.root,
                        objects=listing_at(later, services.objects),
                        jobs=services.jobs,
                        warehouse=warehouse,
                        keep=dict.fromkeys(("inputs", "outputs", "quarantine"), 10 * DAYS),
                        is_at_work=lambda: False,
                    )
                )
            )
    return done


@pytest.fixture
def replaced(fruit, database):
    """A day of pears that was scored well, and then again with other rows."""
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM source.pears WHERE weight < 0")
    first = fruit.walk("pears").go()
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE source.pears SET weight = weight + 100")
    second = fruit.walk("pears").go()
    assert first["load"]["replaces"] != second["load"]["replaces"]
    return fruit, first, second


def keys(world):
    client = world.aws.client("s3")
    prefix = f"nightly/pears/{DAY}/"
    listed = client.list_objects_v2(Bucket="runs", Prefix=prefix)["Contents"]
    return {each["Key"].removeprefix(prefix) for each in listed}


def test_what_was_replaced_goes_and_a_run_over_the_same_data_pays_nothing(replaced, monkeypatch):
    world, first, second = replaced
    old = first["join_slices"]["index"].split("/")[-3]
    before = keys(world)
    with recording() as asked:
        marked, gone, idle = passes(world, "pears", 11, 13, 14)
    assert marked.retired >= 1
    assert set(marked.deleted) == {"inputs"}, "of the slices, which no job has read"
    assert set(gone.deleted) == {"inputs", "outputs"}
    assert idle == module.Tidied()
    deleted = before - keys(world)
    assert {key.partition("/")[0] for key in deleted} >= {old}
    assert not [key for key in deleted if key.endswith(".json")]
    again = world.walk("pears").go()
    assert again["wait"]["job_name"] == second["wait"]["job_name"]
    assert again["load"]["rows"] == 7
    assert not again["load"]["changed"]
    check_role(world, asked, monkeypatch)


def check_role(world, asked, monkeypatch):
    """The role may delete where housekeeping is on, and nowhere else."""
    without = world.iam("pears")["airflow-aws_default.json"]
    assert {each.action for each in refused(without, asked)} == {"s3:DeleteObject"}
    monkeypatch.setenv("BATCH_TRANSFORM_KEEP_DAYS", "inputs=10")
    assert refused(world.iam("pears")["airflow-aws_default.json"], asked) == set()
