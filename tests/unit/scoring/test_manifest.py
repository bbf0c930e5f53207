import json

import pytest

from batch_transform.scoring.errors import ManifestError
from batch_transform.scoring.extract import manifest
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.testing import InMemoryObjects, RowsSource

ROWS = [(1, 0.25, "red"), (2, 0.5, "green")]


@pytest.fixture
def index(make_pipeline, partition, objects, layout):
    pipeline = make_pipeline(shards={"min_count": 2})
    source = RowsSource(["apple_id", "weight", "colour"], ROWS)
    return extract(pipeline, partition, source, objects, layout)


def test_a_manifest_lists_the_shards_and_nothing_else(index, objects, layout):
    uri = manifest.write(index, layout, objects)
    assert json.loads(objects.get(uri)) == [
        {"prefix": "s3://bucket/runs/apples/2013-06-01/attempt/input/"},
        "part-00000.csv",
        "part-00001.csv",
    ]


def test_every_missing_or_changed_shard_is_named(index, objects, layout):
    del objects.content[layout.input / "part-00000.csv"]
    objects.put(layout.input / "part-00001.csv", b"2,0.5,green\nmore\n")
    with pytest.raises(ManifestError) as refusal:
        manifest.write(index, layout, objects)
    assert "part-00000.csv is missing" in str(refusal.value)
    assert "part-00001.csv has 17 bytes, not 12" in str(refusal.value)
    assert layout.manifest not in objects.content


def test_a_manifest_reads_back():
    prefix = S3Uri.parse("s3://bucket/in")
    assert manifest.parse(manifest.build(prefix, ["a", "b"])) == [prefix / "a", prefix / "b"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'["a"]', b'{"prefix": "s3://b/"}', b'[{"prefix":1}]']
)
def test_what_is_no_manifest_is_refused(body):
    if body == b'[{"prefix":1}]':
        assert manifest.parse(body) == []
        return
    with pytest.raises(ManifestError, match="not one that SageMaker reads"):
        manifest.parse(body)


class Garbling(InMemoryObjects):
    """A store in which a manifest becomes another."""

    def get(self, uri):
        return super().get(uri).replace(b"part-00001", b"part-00002")


def test_a_manifest_that_does_not_read_back_is_refused(index, objects, layout):
    garbling = Garbling()
    garbling.content.update(objects.content)
    with pytest.raises(ManifestError, match="manifest.json does not read back as written"):
        manifest.write(index, layout, garbling)
