"""What both object stores do: S3, and the one in memory that stands for it."""

import pytest

from batch_transform.scoring.aws.objects import ObjectChanged, S3Objects
from batch_transform.scoring.errors import ObjectMissing
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.testing import InMemoryObjects

BUCKET = "objects-bucket"
URI = S3Uri(BUCKET, "current/symlink.txt")


@pytest.fixture
def s3(sagemaker_local_server):
    client = sagemaker_local_server.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture(params=["memory", "s3"])
def store(request):
    if request.param == "memory":
        return InMemoryObjects()
    return S3Objects(request.getfixturevalue("s3"))


def etag(store):
    (stored,) = store.listed(URI)
    return stored.etag


def test_an_object_comes_in_pieces(store):
    body = bytes(range(256)) * 10_000
    store.put(URI, body)
    assert b"".join(store.pieces(URI)) == body
    with pytest.raises(ObjectMissing):
        list(store.pieces(URI / "more"))


def test_an_object_is_made_once(store):
    store.put_if(URI, b"first", None)
    with pytest.raises(ObjectChanged, match="symlink"):
        store.put_if(URI, b"second", None)
    assert store.get(URI) == b"first"


def test_an_object_is_replaced_as_it_was_listed_or_not_at_all(store):
    with pytest.raises(ObjectChanged):
        store.put_if(URI, b"first", '"0"')
    store.put(URI, b"first")
    before = etag(store)
    store.put_if(URI, b"second", before)
    with pytest.raises(ObjectChanged):
        store.put_if(URI, b"third", before)
    assert store.get(URI) == b"second"
    store.put_if(URI, b"third", etag(store))
    assert store.get(URI) == b"third"
