"""A partition read in slices from real databases, and its shards copied by a real S3."""

import hashlib

import psycopg
import psycopg2
import pytest
from sqlalchemy import create_engine, text

from batch_transform.scoring.aws.objects import S3Objects
from batch_transform.scoring.aws.upload import PART_BYTES
from batch_transform.scoring.errors import ObjectMissing, SourceError
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.extract.join import join
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.sources.postgres.copy_source import CopySource
from batch_transform.scoring.sources.protocol import unchanged
from batch_transform.scoring.sources.reshape import Reshape
from batch_transform.scoring.sources.slices import slices
from batch_transform.scoring.sources.sql import SqlSource

BUCKET = "slices-bucket"
QUERY = "SELECT apple_id, weight, colour FROM apples WHERE :partition_start < :partition_end"
INTEGERS = [-(2**63), -(2**63) + 1, -7, -4, -1, 0, 1, 5, 6, 1_000_000, 2**53 + 1, 2**63 - 1]
TEXTS = ["", "A", "Z", "a", "ab", "b", "z", "é", "%s :x", "'", "🍏"]
INTEGER_CUTS = [{"slices": 4}, {"slices": 3}, {"ranges": [-4, 0, 2**53 + 1]}]
TEXT_CUTS = [{"ranges": ["Z", "ab", "z", "é"]}, {"ranges": ["'", "B"]}]


@pytest.fixture
def engine(request, tmp_path):
    """An engine of each database."""
    if request.param in ("sqlite", "duckdb"):
        engine = create_engine(f"{request.param}:///{tmp_path / 'warehouse'}")
    else:
        dsn = request.getfixturevalue("database")
        engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn))
    yield engine
    engine.dispose()


@pytest.fixture
def fill(engine):
    def fill(kind, ids):
        with engine.begin() as connection:
            create = f"CREATE TABLE apples (apple_id {kind}, weight integer, colour text)"
            connection.execute(text(create))
            rows = [{"id": each, "weight": at} for at, each in enumerate(ids)]
            connection.execute(text("INSERT INTO apples VALUES (:id, :weight, 'red')"), rows)

    return fill


@pytest.fixture
def read(request, engine, objects, partition):
    """Extract slices, join them, and return the records."""
    opened = []

    def source(part, reshape):
        if "copy" not in request.node.callspec.params.values():
            return SqlSource(engine, QUERY, part, reshape or unchanged)
        opened.append(psycopg2.connect(request.getfixturevalue("database")))
        return CopySource(opened[-1], QUERY, part)

    def read(pipeline, reshape=None):
        uris = []
        for part in slices(pipeline.settings.extract):
            layout = RunLayout(attempt_root=S3Uri("bucket", f"slice-{part.number}"))
            extract(pipeline, partition, source(part, reshape), objects, layout)
            uris.append(str(layout.index))
        layout = RunLayout(attempt_root=S3Uri("bucket", "joined"))
        index = join(pipeline, uris, objects, layout)
        bodies = [objects.get(layout.input / shard.name) for shard in index.shards]
        return b"".join(bodies).decode().splitlines()

    yield read
    for connection in opened:
        connection.close()


everywhere = pytest.mark.parametrize(
    "engine", ["sqlite", "duckdb", "postgres", "copy"], indirect=True
)
rows_of_python = pytest.mark.parametrize("engine", ["sqlite", "duckdb", "postgres"], indirect=True)


def expected(pipeline, ids):
    """The numbers of the rows in the order of slices, and in each by id."""
    order = [
        sorted(each for each in ids if part.has(each)) for part in slices(pipeline.settings.extract)
    ]
    return [ids.index(each) for part in order for each in part]


def weights(lines):
    return [int(line.split(",")[-2]) for line in lines]


@everywhere
@pytest.mark.parametrize("cut", INTEGER_CUTS)
def test_integers_are_cut_alike_everywhere(make_pipeline, fill, read, cut):
    pipeline = make_pipeline(extract=cut)
    fill("bigint", INTEGERS)
    assert weights(read(pipeline)) == expected(pipeline, INTEGERS)


@everywhere
@pytest.mark.parametrize("cut", TEXT_CUTS)
def test_every_text_is_in_one_slice_whatever_the_order_of_the_database(
    make_pipeline, fill, read, cut
):
    fill("text", TEXTS)
    found = weights(read(make_pipeline(extract=cut)))
    assert sorted(found) == list(range(len(TEXTS)))


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_boundaries_that_do_not_ascend_in_the_order_of_the_database_lose_nothing(
    make_pipeline, fill, read
):
    fill("text COLLATE NOCASE", TEXTS)
    found = weights(read(make_pipeline(extract={"ranges": ["Z", "b"]})))
    assert sorted(found) == list(range(len(TEXTS)))


@pytest.mark.parametrize("engine", ["copy"], indirect=True)
@pytest.mark.parametrize("kind", ["smallint", "integer"])
def test_small_integers_are_cut_too(make_pipeline, fill, read, kind):
    pipeline = make_pipeline(extract={"slices": 3})
    fill(kind, [-7, -1, 0, 8])
    assert weights(read(pipeline)) == expected(pipeline, [-7, -1, 0, 8])


@pytest.mark.parametrize("engine", ["copy"], indirect=True)
@pytest.mark.parametrize("kind", ["uuid", "varchar(40)", "char(40)", "name"])
def test_whatever_postgres_writes_as_text_is_cut_by_texts(make_pipeline, fill, read, kind):
    fill(kind, ["00000000-0000-0000-0000-000000000001", "f0000000-0000-0000-0000-000000000000"])
    assert weights(read(make_pipeline(extract={"ranges": ["a"]}))) == [0, 1]


@everywhere
@pytest.mark.parametrize("cut", [{"slices": 3}, {"ranges": [-4, 0]}])
def test_a_null_id_is_refused_and_not_lost(make_pipeline, fill, read, cut):
    fill("bigint", [*INTEGERS, None])
    with pytest.raises(SourceError, match="The id column apple_id holds NULL"):
        read(make_pipeline(extract=cut))


@everywhere
@pytest.mark.parametrize("cut", [{"slices": 3}, {"ranges": [-4, 0]}])
def test_texts_cut_as_integers_are_refused_with_what_would_do(make_pipeline, fill, read, cut):
    fill("text", TEXTS)
    with pytest.raises(SourceError, match="as extract.ranges"):
        read(make_pipeline(extract=cut))


@everywhere
def test_integers_cut_as_texts_are_refused_with_what_would_do(make_pipeline, fill, read):
    fill("bigint", INTEGERS)
    with pytest.raises(SourceError, match=r"extract\.slices"):
        read(make_pipeline(extract={"ranges": ["a"]}))


@rows_of_python
def test_slices_are_cut_before_rows_are_reshaped(make_pipeline, fill, read, tmp_path):
    (tmp_path / "reshape.py").write_text(
        "def reshape(frame):\n"
        "    frame = frame[frame['apple_id'] > 2]\n"
        "    return frame.assign(apple_id=frame['apple_id'] * 2, colour=str(len(frame)))\n"
    )
    fill("bigint", list(range(9)))
    lines = read(make_pipeline(extract={"slices": 2}), Reshape(tmp_path / "reshape.py"))
    assert lines == ["8,4,3", "12,6,3", "16,8,3", "6,3,3", "10,5,3", "14,7,3"]


@pytest.fixture
def store(sagemaker_local_server):
    client = sagemaker_local_server.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield S3Objects(client)
    for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    client.delete_bucket(Bucket=BUCKET)


class WithoutChecksums:
    """An S3 client whose store computes none."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        return getattr(self._client, name)

    def copy_object(self, **request):
        del request["ChecksumAlgorithm"]
        answer = self._client.copy_object(**request)
        kept = {name: answer["CopyObjectResult"][name] for name in ("ETag", "LastModified")}
        return {**answer, "CopyObjectResult": kept}


@pytest.mark.parametrize("size", [1, 2 * PART_BYTES + 5])
@pytest.mark.parametrize("checksums", [True, False])
def test_a_copy_is_the_object_and_its_digest_is_the_contents(store, size, checksums):
    body = (bytes(range(251)) * (size // 251 + 1))[:size]
    source, target = S3Uri(BUCKET, "from"), S3Uri(BUCKET, "to/there")
    with store.uploads() as uploads:
        upload = uploads.open(source)
        upload.write(body)
        upload.close()
    objects = store if checksums else S3Objects(WithoutChecksums(store._client))
    assert objects.copy(source, target) == hashlib.sha256(body).hexdigest()
    assert store.get(target) == store.get(source) == body


def test_what_is_not_there_is_not_copied(store):
    with pytest.raises(ObjectMissing, match="nothing"):
        store.copy(S3Uri(BUCKET, "nothing"), S3Uri(BUCKET, "to"))
