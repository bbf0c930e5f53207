"""What holds of every engine that unloads."""

from pathlib import PurePosixPath

import pytest

from batch_transform.scoring.errors import ManifestError, SourceError
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.extract.join import join
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.sources.unloaded.unloaded_source import UnloadedSource
from tests.contract.engine.conftest import BUCKET, ROWS

LINES = {
    -3: "-3,,\"green, é\"\n",
    0: "0,1e+15,\n",
    4: "4,0.5,red\n",
    2**53 + 1: '9007199254740993,1e-07,""\n',
}  # fmt: skip


@pytest.fixture
def unload(engine, objects, layout, ask, finish):
    """Unload, and leave the list."""

    def unload(question=None, **changes):
        question = question or ask(**changes)
        unloaded = finish(engine, engine.begin(question, layout.unload, "apples/2013-06-01"))
        objects.put(layout.unloaded, unloaded.to_json())
        return question, unloaded

    return unload


@pytest.fixture
def read(objects, layout, partition):
    """Extract a slice of what was unloaded, and return its records and its index's place."""

    def read(question, part=None):
        where = RunLayout(attempt_root=S3Uri(BUCKET, f"slice-{part.number if part else 'all'}"))
        source = UnloadedSource(objects, layout.unloaded, part)
        index = extract(question.pipeline, partition, source, objects, where)
        bodies = [objects.get(where.input / shard.name) for shard in index.shards]
        return b"".join(bodies).decode(), str(where.index)

    return read


def test_all_rows_come_by_their_ids(unload, read):
    question, unloaded = unload()
    assert (unloaded.rows, sum(file.rows for file in unloaded.files)) == (4, 4)
    assert read(question)[0] == "".join(LINES[identity] for identity in sorted(LINES))


@pytest.mark.parametrize("cut", [{"slices": 3}, {"ranges": [-3, 4]}])
def test_each_slice_reads_its_own_rows_and_they_are_joined(unload, read, objects, cut):
    question, unloaded = unload(extract=cut)
    uris = []
    for part in question.parts:
        lines, uri = read(question, part)
        mine = sorted(row[0] for row in ROWS if part.has(row[0]))
        assert lines == "".join(LINES[identity] for identity in mine)
        assert {file.slice for file in unloaded.files} <= set(range(len(question.parts)))
        uris.append(uri)
    joined = RunLayout(attempt_root=S3Uri(BUCKET, "joined"))
    assert join(question.pipeline, uris, objects, joined).records == 4


def test_what_was_unloaded_reads_back(unload):
    unloaded = unload()[1]
    assert type(unloaded).from_json(unloaded.to_json()) == unloaded


def test_a_file_that_was_not_unloaded_or_is_gone_or_another_is_refused(unload, read, objects):
    question, unloaded = unload()
    uri = S3Uri.parse(unloaded.files[0].uri)
    body = objects.get(uri)
    key = PurePosixPath(uri.key)
    stray = S3Uri(uri.bucket, str(key.with_stem(f"{key.stem}-2")))
    objects.put(stray, body)
    with pytest.raises(ManifestError, match=r"not unloaded, or some are gone: .*-2(.parquet)?\."):
        read(question)
    other = unloaded.model_copy(
        update={"rows": 9, "files": (unloaded.files[0].model_copy(update={"rows": 9}),)}
    )
    listed = RunLayout(attempt_root=S3Uri(BUCKET, "runs/apples/2013-06-01/other"))
    moved = listed.unload / "slice=0" / "0.parquet"
    objects.put(moved, body)
    file = other.files[0].model_copy(update={"uri": str(moved)})
    objects.put(listed.unloaded, other.model_copy(update={"files": (file,)}).to_json())
    source = UnloadedSource(objects, listed.unloaded)
    with pytest.raises(ManifestError, match="has 4 rows, and 9 were unloaded into it. Clear unl"):
        list(source.lines(None, question.pipeline).blocks)


def test_a_statement_that_is_stopped_is_over(engine, ask, layout, finish, slow):
    handle = engine.begin(ask(slow), layout.unload, "apples/1")
    assert engine.look(handle) is None
    engine.stop(handle)
    engine.stop(handle)
    with pytest.raises(SourceError, match="was stopped by somebody"):
        finish(engine, handle)


def test_what_runs_under_the_same_name_is_found_and_stopped(engine, ask, layout, finish, slow):
    first = engine.begin(ask(slow), layout.unload, "apples/1")
    other = engine.begin(ask(slow), S3Uri(BUCKET, "other"), "apples/10")
    second = engine.begin(ask(), S3Uri(BUCKET, "second"), "apples/1")
    with pytest.raises(SourceError, match="was stopped by somebody"):
        finish(engine, first)
    engine.stop(other)
    assert finish(engine, second).rows == 4
    engine.stop(second)
    assert finish(engine, second).rows == 4, "what is over stays as it is"
