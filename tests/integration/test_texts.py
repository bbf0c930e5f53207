"""Text is text: whatever Unicode the model answers is in the table, or refused by its id."""

import csv
import io
import json
from contextlib import nullcontext
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from batch_transform.scoring.errors import OutputError, SourceError, TargetRefused
from batch_transform.scoring.extract import manifest
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.outputs.sent import covered
from batch_transform.scoring.partition import Partition
from batch_transform.scoring.pipeline import Pipeline, PipelineFile
from batch_transform.scoring.publish.load import load
from batch_transform.scoring.publish.load_run import LoadRun
from batch_transform.scoring.testing import InMemoryObjects, RowsSource
from batch_transform.scoring.warehouse.postgres import PostgresWarehouse
from tests.factories import DAY, a_job
from tests.unit.scoring.conftest import SETTINGS, merged

IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\0"), max_size=12)
# A CSV output has no line feed in a field, since the service splits there, and no half of a
# surrogate pair, which is no UTF-8. JSON has escapes for both.
CSV_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=12)
HALF, BOM = "\ud83d", "\ufeff"
JSON_TEXTS = st.text(max_size=12) | st.sampled_from([HALF, "a\0b", f"{BOM}x", "\r", "\r\n", "\\."])
SWAPS = ["rows", "partitions", "upsert"]
MANY = 1001  # records: such a shard is read whole columns at a time


class Lab:
    """Loads texts through a database of its own."""

    def __init__(self, connection):
        self.connection = connection
        self.runs = 0

    def load(self, form, swap, texts):
        """Load a row for each id; return the table's rows, and the ids in quarantine."""
        self.runs += 1
        self.connection.execute("DROP SCHEMA IF EXISTS predictions CASCADE")
        self.connection.execute("CREATE SCHEMA predictions")
        self.connection.commit()
        pipeline, objects = a_pipeline(form, swap), InMemoryObjects()
        layout = RunLayout.of(S3Uri("bucket", "runs"), "apples", DAY.isoformat(), str(self.runs))
        rows = RowsSource(["apple_id", "colour"], [(each, each) for each in texts])
        index = extract(pipeline, Partition(day=DAY, timezone="UTC"), rows, objects, layout)
        manifest.write(index, layout, objects)
        for shard in index.shards:
            lines = objects.get(layout.input / shard.name).split(b"\n")[:-1]
            answers = [answered(form, line, texts) for line in lines]
            objects.put(layout.output / f"{shard.name}.out", b"".join(answers))
        job = a_job(root=layout.attempt_root)
        run = LoadRun(
            pipeline=pipeline,
            index=index,
            coverage=covered(index, job, objects),
            quarantine=layout.quarantine,
            job=job,
            run_id="run",
        )
        load(run, objects, lambda: nullcontext(PostgresWarehouse(self.connection)))
        return self.read("apple_id, verdict FROM predictions.apples"), {
            each for ((each,),) in self.read("id FROM predictions.batch_transform_quarantine")
        }

    def read(self, query):
        found = self.connection.execute(f"SELECT {query}").fetchall()
        self.connection.commit()
        return found


def a_pipeline(form, swap):
    at = "$" if form == "jsonl" else -1
    changes = {
        "record": {"format": form, "features": ["colour"]},
        "predictions": {"verdict": {"at": at, "type": "text", "nullable": True}},
        "target": {"swap": swap},
        "limits": {"bad_records": 1_000_000},
    }
    folder = {key: value for key, value in SETTINGS.items() if key != "predictions"}
    validated = PipelineFile.model_validate(merged(folder, changes))
    return Pipeline(name="apples", folder=Path("apples"), settings=validated, query="SELECT 1")


def answered(form, line, texts):
    """The line that SageMaker writes for a record."""
    if form == "jsonl":
        record = json.loads(line)
        verdict = texts[record["apple_id"]]
        return json.dumps({"SageMakerOutput": verdict, **record}).encode() + b"\n"
    ((apple, colour),) = csv.reader([line.decode()])
    buffer = io.StringIO()
    csv.writer(buffer).writerow([apple, colour, texts[apple]])  # quotes what is in its line ends
    return buffer.getvalue().removesuffix("\r\n").encode() + b"\n"


@pytest.fixture(scope="module")
def lab(postgres):
    postgres.create_database("texts")
    with psycopg.connect(postgres.dsn("texts")) as connection:
        yield Lab(connection)


def fits(text):
    return text is None or not ("\0" in text or any("\ud800" <= each <= "\udfff" for each in text))


def held(lab, form, swap, ids, verdicts):
    """Hold a load to what came in: the table and the quarantine together have every id."""
    texts = dict(zip(ids, verdicts, strict=True))
    rows, quarantined = lab.load(form, swap, texts)
    expected = {each: text or None if form == "csv" else text for each, text in texts.items()}
    assert dict(rows) == {each: text for each, text in expected.items() if fits(text)}
    assert quarantined == {each for each, text in texts.items() if not fits(text)}


LIGHT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}


@given(
    st.sampled_from(SWAPS),
    st.lists(st.tuples(IDS, CSV_TEXTS), min_size=1, max_size=4),
    st.sampled_from([1, MANY]),
)
@settings(max_examples=25, **LIGHT)
@example("rows", [("", "\r"), ("", "\r0"), ("", "a\r")], 1)
@example("rows", [("", "\r"), ("", "\r0"), ("", "a\r")], MANY)
def test_any_csv_text_is_in_the_table_or_named(lab, swap, pairs, copies):
    ids = [f"{apple}{number}" for apple, _ in pairs for number in range(copies)]
    verdicts = dict(zip(ids, (verdict for _, verdict in pairs for _ in range(copies)), strict=True))
    held(lab, "csv", swap, list(verdicts), list(verdicts.values()))


@given(
    st.sampled_from(SWAPS),
    st.lists(st.tuples(IDS, JSON_TEXTS | st.none()), min_size=1, max_size=4),
    st.sampled_from([1, MANY]),
)
@settings(max_examples=25, **LIGHT)
def test_any_json_text_is_in_the_table_or_named(lab, swap, pairs, copies):
    ids = [f"{apple}{number}" for apple, _ in pairs for number in range(copies)]
    verdicts = dict(zip(ids, (verdict for _, verdict in pairs for _ in range(copies)), strict=True))
    held(lab, "jsonl", swap, list(verdicts), list(verdicts.values()))


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("copies", [1, MANY])
def test_a_text_of_megabytes_is_text(lab, form, copies):
    texts = {f"a{number}": "short" for number in range(copies)} | {"long": "ä" * 3_000_000}
    rows, quarantined = lab.load(form, "rows", texts)
    assert (dict(rows), quarantined) == (texts, set())


@pytest.mark.parametrize("copies", [1, MANY])
def test_an_id_that_no_table_holds_is_named(lab, copies):
    texts = {f"a{number}": "x" for number in range(copies)} | {"b\0c": "x"}
    with pytest.raises(OutputError, match=r"apple_id of id 'b\\x00c' holds a NUL character"):
        lab.load("jsonl", "rows", texts)


@pytest.mark.parametrize("swap", SWAPS)
def test_an_id_that_no_index_holds_is_named(lab, swap):
    long = "".join(chr(0x4E00 + number * 7919 % 20000) for number in range(2000))
    with pytest.raises(TargetRefused, match=rf"the longest begins '{long[:60]}' and has 6000"):
        lab.load("jsonl", swap, {"a": "x", long: "x"})


def test_integers_and_texts_in_one_id_column_are_named(lab):
    with pytest.raises((OutputError, SourceError), match="apple_id"):
        lab.load("jsonl", "rows", {1: "x", "two": "x"})
