"""Quarantined records, sent again once the model is mended, and added to their partition."""

from contextlib import nullcontext
from datetime import date

import pytest

from batch_transform.scoring.errors import SourceError, Superseded
from batch_transform.scoring.extract import manifest, snapshot
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.outputs.sent import covered
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.publish.load import load
from batch_transform.scoring.publish.load_run import LoadRun
from batch_transform.scoring.publish.quarantine_source import QuarantineSource
from batch_transform.scoring.testing import RowsSource
from batch_transform.scoring.warehouse.postgres import PostgresWarehouse
from tests.factories import a_job

DAY = Partition(day=date(2013, 6, 1), timezone="UTC")
BAD = "ERROR"


class Runs:
    """Runs of one partition, whose model a test mends between them."""

    def __init__(self, connection, objects, pipeline):
        self.warehouse = PostgresWarehouse(connection)
        self.objects, self.pipeline = objects, pipeline
        self.attempts = 0

    def extract(self, source):
        self.attempts += 1
        layout = RunLayout.of(S3Uri("bucket", "runs"), "apples", DAY.label, str(self.attempts))
        return layout, extract(self.pipeline, DAY, source, self.objects, layout)

    def nightly(self, scores):
        return self.load(*self.extract(a_source(scores)), scores)

    def entry(self):
        return self.warehouse.in_force(self.pipeline.settings.target, DAY.day)

    def quarantined(self):
        return self.extract(QuarantineSource(self.entry(), self.objects))

    def load(self, layout, index, scores, job=""):
        for shard in index.shards:
            lines = self.objects.get(layout.input / shard.name).splitlines()
            out = b"".join(
                line + f",{scores[int(line.split(b',')[0])]}\n".encode() for line in lines
            )
            self.objects.put(layout.output / f"{shard.name}.out", out)
        manifest.write(index, layout, self.objects)
        sent_by = a_job(job or f"job-{self.attempts}", layout.attempt_root)
        run = LoadRun(
            pipeline=self.pipeline,
            index=index,
            coverage=covered(index, sent_by, self.objects),
            quarantine=layout.quarantine,
            job=sent_by,
            snapshot_at=snapshot.read(layout, self.objects),
            run_id=f"run-{self.attempts}",
        )
        return load(run, self.objects, lambda: nullcontext(self.warehouse))


def a_source(scores):
    return RowsSource(["apple_id", "weight", "colour"], [(each, 0.5, "red") for each in scores])


@pytest.fixture
def runs(connection, objects, make_pipeline):
    return Runs(connection, objects, make_pipeline(limits={"bad_records": 3}))


def table(connection):
    query = "SELECT apple_id, sweetness FROM predictions.apples ORDER BY 1"
    found = connection.execute(query).fetchall()
    connection.commit()
    return found


def test_mended_records_are_added_and_the_ledger_accounts_for_all(runs, connection):
    runs.nightly({1: 0.5, 2: BAD, 3: 0.25, 4: BAD})
    layout, index = runs.quarantined()
    assert (index.records, index.columns) == (2, ("apple_id", "weight", "colour"))
    assert runs.objects.get(layout.input / "part-00000.csv") == b"2,0.5,red\n4,0.5,red\n"
    loaded = runs.load(layout, index, {2: 0.125, 4: BAD})
    assert (loaded.rows, loaded.changed, loaded.quarantined) == (3, True, 1)
    assert table(connection) == [(1, 0.5), (2, 0.125), (3, 0.25)]
    entry = runs.entry()
    assert (entry.source_rows, entry.records, entry.rows, entry.quarantined) == (4, 4, 3, 1)
    assert (entry.transform_jobs, entry.transform_seconds) == (2, 120)
    assert entry.profile["sweetness"]["mean"] == pytest.approx((0.5 + 0.25 + 0.125) / 3)

    # The one that is left, once more; a load that is repeated changes nothing.
    layout, index = runs.quarantined()
    assert index.records == 1
    assert runs.load(layout, index, {4: 0.75}).rows == 4
    again = runs.load(layout, index, {4: 0.75})
    assert (again.rows, again.changed) == (4, False)
    assert table(connection) == [(1, 0.5), (2, 0.125), (3, 0.25), (4, 0.75)]
    with pytest.raises(SourceError, match="no record in quarantine"):
        runs.quarantined()


def test_a_partition_that_was_loaded_anew_meanwhile_is_left_alone(runs, connection):
    runs.nightly({1: 0.5, 2: BAD})
    layout, index = runs.quarantined()
    runs.nightly({1: 0.75, 2: 0.25})
    with pytest.raises(Superseded, match="loaded anew"):
        runs.load(layout, index, {2: 0.125})
    assert table(connection) == [(1, 0.75), (2, 0.25)]


def test_records_of_another_shape_are_refused(runs, make_pipeline):
    runs.nightly({1: 0.5, 2: BAD})
    runs.pipeline = make_pipeline(record={"features": ["colour", "weight"]})
    with pytest.raises(SourceError, match="columns are not those of the record"):
        runs.quarantined()


def test_what_still_fails_stays_in_quarantine_whatever_share_of_the_few_it_is(
    connection, objects, make_pipeline
):
    """A limit that is a share was held when they were quarantined, against all records."""
    runs = Runs(connection, objects, make_pipeline(limits={"bad_records": "10%"}))
    bad = {2: BAD, 4: BAD, 6: BAD}
    runs.nightly(dict.fromkeys(range(30), 0.5) | bad)
    layout, index = runs.quarantined()
    loaded = runs.load(layout, index, {**bad, 4: 0.25})
    assert (loaded.rows, loaded.quarantined) == (28, 2)


def test_a_resubmitted_partition_is_as_old_as_the_extract_of_its_records(runs, connection):
    """An extract between the two is newer than these rows, though the resubmit began later."""
    runs.nightly({1: 0.5, 2: BAD})
    before = runs.entry()
    between = runs.extract(a_source({1: 0.75, 2: 0.25}))
    runs.load(*runs.quarantined(), {2: 0.125})
    assert runs.entry().snapshot_at == before.snapshot_at
    runs.load(*between, {1: 0.75, 2: 0.25})
    assert table(connection) == [(1, 0.75), (2, 0.25)]
