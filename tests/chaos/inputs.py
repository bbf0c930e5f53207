"""Feeds the readers of what others write with inputs of every shape.

Each must give a right result, or an error of the package: never another exception, and never take
long. ``python -m tests.chaos.inputs --inputs 500000`` makes so many for each reader; what was found
is kept in ``corpus/``, a folder for each reader, which the tests read again.
"""

import argparse
import hashlib
import json
import random
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from batch_transform.params import problems
from batch_transform.scoring.errors import ScoringError
from batch_transform.scoring.extract import manifest, snapshot
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs.blame import Blame, blames
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.outputs.coverage import Coverage, Part
from batch_transform.scoring.pipeline import Pipeline, PipelineFile
from batch_transform.scoring.records import quarantine
from batch_transform.scoring.records.quarantine import Quarantined
from batch_transform.scoring.testing import InMemoryObjects
from tests.factories import a_shard, an_index
from tests.unit.scoring.conftest import JSON_LINES, SETTINGS, merged
from tests.unit.scoring.outputs.partitions import Sent, put, rows_of, staged_from

CORPUS = Path(__file__).parent / "corpus"
_LONG_SECONDS = 2.0
_LAYOUT = RunLayout(attempt_root=S3Uri("bucket", "run"))
_NAMES = ("part-00000.csv", "part-00001.csv", "a: b.csv")
_LOG = (
    "2013-06-02T03:00:00.000:[sagemaker logs]: runs/apples/input/part-00000.csv: ClientError: 400",
    "2013-06-02T03:00:00.001:[sagemaker logs]: runs/apples/input/part-00000.csv: Message:",
    "2013-06-02T03:00:00.002:[sagemaker logs]: runs/apples/input/part-00000.csv: bad weight",
    "2013-06-02T03:00:01.000:[sagemaker logs]: part-00001.csv: Unable to get response from it",
    "2013-06-02T03:00:01.000:[sagemaker logs]: runs/a: b.csv: Bad HTTP status received: 503",
)
_CONF = {
    "partition": "2013-06-01",
    "force_rerun": True,
    "sample": 10,
    "model": "apples",
    "cost_cap": 1.5,
}
# Pieces that have broken readers of other people.
_PIECES = (
    *(
        b"",
        b"\0",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\\ud800",
        b"\xed\xa0\x80",
        b"\r",
        b"\r\n",
        b"\n\n",
    ),
    *(b"null", b"NaN", b"-Infinity", b"1e999", b"9" * 400, b"-1", b"true", b'""', b"[]", b"{}"),
    *(b"[" * 3000, b'{"a":' * 1500, b"]", b"}", b'"', b",", b":", b"\\", b"/", b"..", b"%00"),
    *(
        b"\xe2\x80\xa8",
        "\N{GREEN APPLE}".encode(),
        b"'; DROP TABLE x; --",
        b"{{ ds }}",
        b"x" * 5000,
    ),
)


def a_pipeline(changes):
    """A pipeline of apples."""
    settings = PipelineFile.model_validate(merged(SETTINGS, changes))
    return Pipeline(name="apples", folder=Path("apples"), settings=settings, query="SELECT 1")


def _manifest(body):
    found = manifest.parse(body)
    assert all(isinstance(each, S3Uri) for each in found)


def _index(body):
    assert ExtractIndex.from_json(ExtractIndex.from_json(body).to_json()).to_json()


def _coverage(body):
    assert Coverage.from_json(Coverage.from_json(body).to_json()).to_json()


def _quarantined(body):
    for each in quarantine.from_json_lines(body):
        assert each.shard is not None


def _snapshot(body):
    objects = InMemoryObjects()
    objects.put(_LAYOUT.snapshot, body)
    assert snapshot.read(_LAYOUT, objects).tzinfo is not None


def _data_log(body):
    lines = body.decode(errors="replace").split("\n")
    found = blames([lines, lines[::-1]], _NAMES)
    assert set(found) <= set(_NAMES)
    assert all(isinstance(each, Blame) and "\0" not in each.message for each in found.values())


def _parameters(body):
    try:
        conf = json.loads(body)
    except (ValueError, RecursionError):
        return  # Airflow takes JSON alone
    if isinstance(conf, dict):
        assert all(isinstance(each, str) for each in problems(conf))


def _uri(body):
    try:
        uri = S3Uri.parse(body.decode(errors="replace"))
    except ValueError:
        return
    assert S3Uri.parse(str(uri)) == uri


def _outputs(settings, sent, body):
    """Read an output: every record is in a row or in quarantine, and none is in two."""
    objects, pipeline = InMemoryObjects(), a_pipeline(settings)
    shard = Sent("part-00000", sent, (1,), (5,))
    index = put(objects, pipeline, [shard], {shard.name: body})
    with staged_from(objects, pipeline, index) as (staged, account):
        ids = [row[0] for row in rows_of(staged)]
    assert len(ids) + len(account.quarantined) == _RECORDS
    assert len(set(ids)) == len(ids)
    assert set(map(str, ids)) <= set("12345")


_RECORDS = 5
_ALL_MAY_BE_BAD = {"limits": {"bad_records": _RECORDS}}
_CSV = b"".join(b"%d,1.5,red\n" % each for each in range(1, 6))
_CSV_OUTPUT = b"".join(b"%d,1.5,red,0.5\n" % each for each in range(1, 6))
_JSON = b"".join(b'{"apple_id":%d,"weight":1.5,"colour":"red"}\n' % each for each in range(1, 6))
_JSON_OUTPUT = _JSON.replace(b"}", b',"SageMakerOutput":{"predictions":[[0.5]]}}')
_GIVEN_UP = Quarantined(
    id=("7",), shard="part-00000.csv", line=1, status="400", reason="bad weight", record="7,-1.5"
)
_PART = Part(sent=a_shard(), sent_at="s3://b/i", answered_at="s3://b/o", shard="part-00000.csv")
READERS = {
    # name: the reader, and what it is to read
    "manifest": (_manifest, manifest.build(S3Uri("bucket", "run/input"), list(_NAMES))),
    "index": (_index, an_index([a_shard(), a_shard("part-00001.csv")]).to_json()),
    "coverage": (_coverage, Coverage(parts=(_PART,)).to_json()),
    "quarantine": (_quarantined, quarantine.to_json_lines([_GIVEN_UP])),
    "snapshot": (_snapshot, b'{"taken_at": "2013-06-02T03:00:00+00:00"}'),
    "data_log": (_data_log, "\n".join(_LOG).encode()),
    "parameters": (_parameters, json.dumps(_CONF).encode()),
    "uri": (_uri, b"s3://bucket/a/b c"),
    "csv_outputs": (partial(_outputs, _ALL_MAY_BE_BAD, _CSV), _CSV_OUTPUT),
    "json_outputs": (partial(_outputs, {**JSON_LINES, **_ALL_MAY_BE_BAD}, _JSON), _JSON_OUTPUT),
}
_SLOW = 50  # how many times longer those take that end in the name of outputs


@dataclass(frozen=True)
class Found:
    """An input that broke a reader, and how."""

    reader: str
    body: bytes
    why: str


def mutated(body, chance):
    """Change a few places of an input."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randint(0, len(body))
        end = min(len(body), start + chance.choice((0, 0, 1, 1, 2, 8, 40)))
        way = chance.random()
        if way < 0.5:
            piece = chance.choice(_PIECES)
        elif way < 0.8:
            piece = bytes(chance.randrange(256) for _ in range(chance.randint(0, 4)))
        else:
            other = chance.randint(0, len(body))
            piece = body[other : other + chance.randint(0, 60)]
        body = body[:start] + piece + body[end:]
    return body


def problem(name, body):
    """Read an input; say what is wrong with how that went, if anything."""
    begun = time.process_time()
    try:
        READERS[name][0](body)
    except ScoringError as error:
        if not str(error):
            return "an error without words"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    seconds = time.process_time() - begun
    return f"it took {seconds:.1f} s" if seconds > _LONG_SECONDS else ""


def fuzz(name, inputs, seed):
    """Feed a reader; yield the first input of each kind that breaks it."""
    chance, seen = random.Random(f"{name} {seed}"), set()
    seeds = [READERS[name][1], *kept(name)]
    for _ in range(inputs_for(name, inputs)):
        body = mutated(chance.choice(seeds), chance)
        why = problem(name, body)
        if why and why.partition(":")[0] not in seen:
            seen.add(why.partition(":")[0])
            yield Found(name, body, why)


def inputs_for(name, inputs):
    """Return how many inputs a reader gets."""
    return inputs // _SLOW if name.endswith("outputs") else inputs


def kept(name):
    """Return the inputs that were found before."""
    return [path.read_bytes() for path in sorted((CORPUS / name).glob("*"))]


def main():
    """Feed every reader."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--inputs", type=int, default=130_000, help="for each reader")
    parser.add_argument("--seed", type=int, default=1)
    asked, falls, begun = parser.parse_args(), 0, time.monotonic()
    for name in READERS:
        for found in fuzz(name, asked.inputs, asked.seed):
            falls += 1
            (CORPUS / name).mkdir(parents=True, exist_ok=True)
            (CORPUS / name / hashlib.sha256(found.body).hexdigest()[:16]).write_bytes(found.body)
            print(f"FALL {name}: {found.why[:200]}", flush=True)
    total = sum(inputs_for(name, asked.inputs) for name in READERS)
    print(f"{total} inputs in {time.monotonic() - begun:.0f} s: {falls} fell")
    sys.exit(bool(falls))


if __name__ == "__main__":
    main()
