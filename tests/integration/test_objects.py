"""What both object stores do: S3, and the one in memory that stands for it."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from botocore.stub import Stubber

from batch_transform.scoring.aws.objects import ObjectChanged, S3Objects
from batch_transform.scoring.errors import AccessRefused, ObjectMissing
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


@pytest.mark.parametrize("ahead", [timedelta(days=-1), timedelta(0), timedelta(days=1)], ids=str)
def test_a_listing_is_of_the_moment_that_s3_tells_whatever_our_clock_says(s3, ahead):
    store, before = S3Objects(s3), datetime.now(UTC).replace(microsecond=0)
    store.put(URI, b"first")
    with time_machine.travel(datetime.now(UTC) + ahead):
        first, second = (next(store.listed(URI)).listed_at for _ in range(2))
    assert before <= first <= second <= datetime.now(UTC) + timedelta(seconds=1)


def test_the_end_of_an_object_is_that_of_what_was_listed(store):
    store.put(URI, b"0123456789")
    (stored,) = store.listed(URI)
    assert store.tail(stored, 3) == b"789"
    assert store.tail(stored, 99) == b"0123456789"
    store.put(URI, b"other")
    with pytest.raises(ObjectChanged):
        store.tail(stored, 3)


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


def test_what_is_deleted_is_gone_and_what_is_not_there_is_no_error(store):
    many = [S3Uri(BUCKET, f"many/{number:04}") for number in range(1003)]  # S3 takes 1000 at once
    for uri in many:
        store.put(uri, b"x")
    store.put(URI, b"x")
    store.delete([*many[1:], S3Uri(BUCKET, "gone")])
    assert list(store.keys(S3Uri(BUCKET, "many"))) == many[:1]
    assert store.has(URI)
    assert not store.has(many[1])
    store.delete([])


def test_a_listing_says_when_an_object_was_stored(store):
    before = datetime.now(UTC) - timedelta(seconds=2)  # S3 gives whole seconds
    store.put(URI, b"x")
    (stored,) = store.listed(URI)
    assert before < stored.modified < datetime.now(UTC) + timedelta(seconds=2)


def test_an_object_that_may_not_be_deleted_is_an_error_though_the_answer_is_200(s3):
    refused = {"Errors": [{"Key": "a", "Code": "AccessDenied", "Message": "no"}]}
    with Stubber(s3) as stubbed:
        stubbed.add_response("delete_objects", refused)
        with pytest.raises(AccessRefused, match="DeleteObjects: AccessDenied"):
            S3Objects(s3).delete([URI])


KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"


def key_of(store, uri):
    """The KMS key under which an object is stored; None: under none of ours."""
    if isinstance(store, InMemoryObjects):
        return store.keys_used[uri]
    return store._client.head_object(Bucket=uri.bucket, Key=uri.key).get("SSEKMSKeyId")


def test_whatever_is_stored_is_stored_under_the_key(store):
    sealed = store.encrypting(KEY)
    places = [S3Uri(BUCKET, name) for name in ("put", "made", "small", "large", "copy")]
    put, made, small, large, copied = places
    sealed.put(put, b"x")
    sealed.put_if(made, b"x", None)
    with sealed.uploads() as uploads:
        for uri, body in ((small, b"x"), (large, b"x" * (9 << 20))):
            upload = uploads.open(uri)
            upload.write(body)
            upload.close()
    store.put(URI, b"plain")
    sealed.copy(URI, copied)
    assert [key_of(store, uri) for uri in places] == [KEY] * len(places)
    assert key_of(store, URI) is None
    assert sealed.get(copied) == store.get(copied) == b"plain"
    store.put(put, b"y")
    assert key_of(store, put) is None, "whoever has the store itself stores as the bucket has it"
