"""What a job was sent is what this run's extract wrote: by its records, whoever packed them."""

import gzip

import pytest

from batch_transform.scoring.errors import OutputError
from batch_transform.scoring.outputs.coverage import Coverage, Part
from batch_transform.scoring.outputs.sent import check_recovered, covered
from tests.factories import a_job, a_shard
from tests.unit.scoring.outputs.partitions import INPUTS, OUTPUTS, Sent, put, staged_from

OLD = [Sent("part-00000.csv", b"1,0.5,red\n2,0.5,red\n", (1,), (2,))]
NEW = [Sent("part-00000.csv", b"2,0.5,red\n3,0.5,red\n", (2,), (3,))]


@pytest.fixture(params=["engine", "line"])
def pipeline(make_pipeline, request):
    return make_pipeline(transform={"join": request.param})


def answers(pipeline, *ids):
    joined = pipeline.settings.transform.join == "engine"
    return b"".join(b"%d,0.5,red,0.1\n" % each if joined else b"0.1\n" for each in ids)


def test_a_job_of_another_extract_is_refused(pipeline, objects):
    """The extract alone was cleared after the source changed, and then load: its job is the old."""
    put(objects, pipeline, OLD, {"part-00000.csv": answers(pipeline, 1, 2)})
    index = put(objects, pipeline, OLD, {}).model_copy(update={"shards": (NEW[0].entry(),)})
    with (
        pytest.raises(OutputError, match=r"holds other records .*Clear\s+transform"),
        staged_from(objects, pipeline, index),
    ):
        pass


def test_a_job_that_was_sent_other_shards_is_refused(pipeline, objects):
    index = put(objects, pipeline, OLD, {"part-00000.csv": answers(pipeline, 1, 2)})
    more = index.model_copy(update={"shards": (*index.shards, a_shard("part-00001.csv"))})
    with pytest.raises(OutputError, match="was sent 1 shards, and this run's extract wrote 2"):
        covered(more, a_job(), objects)


def test_equal_records_of_another_attempt_and_compressor_are_the_same(pipeline, objects):
    put(objects, pipeline, OLD, {"part-00000.csv": answers(pipeline, 1, 2)})
    packed = [Sent(OLD[0].name, gzip.compress(OLD[0].body, 1), (1,), (2,))]
    index = put(objects, pipeline, OLD, {}).model_copy(update={"shards": (packed[0].entry(),)})
    with staged_from(objects, pipeline, index) as (_, account):
        assert account.rows == 2


def a_piece(body, first):
    name = f"part-00000-{first:09d}-000000001.csv"
    return Part(
        sent=a_shard(name, body),
        sent_at=f"s3://bucket/recover/{name}",
        answered_at=f"s3://bucket/recover/{name}.out",
        shard="part-00000.csv",
        first=first,
    )


def test_pieces_of_an_old_shard_do_not_stand_for_a_new_one(make_pipeline, objects):
    pipeline = make_pipeline()
    index = put(objects, pipeline, OLD, {})
    pieces = Coverage(parts=(a_piece(b"1,0.5,red\n", 0), a_piece(b"2,0.5,red\n", 1)))
    check_recovered(index, pieces, a_job(), objects)
    changed = index.model_copy(update={"shards": (NEW[0].entry(),)})
    with pytest.raises(OutputError, match="holds other records"):
        check_recovered(changed, pieces, a_job(), objects)


def test_a_shard_that_was_answered_whole_is_compared_too(make_pipeline, objects):
    index = put(objects, make_pipeline(), OLD, {})
    name = OLD[0].name
    part = Part(
        sent=OLD[0].entry(),
        sent_at=str(INPUTS / name),
        answered_at=str(OUTPUTS / f"{name}.out"),
        shard=name,
    )
    whole = Coverage(parts=(part,))
    check_recovered(index, whole, a_job(), objects)
    changed = index.model_copy(update={"shards": (NEW[0].entry(),)})
    with pytest.raises(OutputError, match="holds other records"):
        check_recovered(changed, whole, a_job(), objects)
