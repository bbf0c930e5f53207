"""Files in a real S3: listed once, read as they were listed, through an Airflow connection."""

import gzip
import json
import re
import tempfile
import tracemalloc
from io import BytesIO

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from pydantic import ValidationError

from batch_transform.open_source import open_source
from batch_transform.scoring.aws.objects import ObjectChanged, S3Objects
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.errors import SettingsError, SourceChanged, SourceError
from batch_transform.scoring.extract import manifest
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.extract.join import join
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.sources.files.file_source import FileSource
from batch_transform.scoring.sources.slices import slices
from batch_transform.scoring.testing import InMemoryObjects

BUCKET = "lake-bucket"
HEADER = b"apple_id,weight,colour\n"


@pytest.fixture
def s3(sagemaker_local_server):
    client = sagemaker_local_server.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def lake(s3, sagemaker_local_server, monkeypatch):
    """A real S3 that Airflow's connection leads to."""
    extra = {"endpoint_url": sagemaker_local_server.endpoint_url, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": "test", "password": "test", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    return S3Objects(s3)


@pytest.fixture(params=["memory", "s3"])
def store(request):
    """Both object stores: what holds for one must hold for the other."""
    if request.param == "memory":
        return InMemoryObjects()
    return S3Objects(request.getfixturevalue("s3"))


@pytest.fixture
def layout():
    return RunLayout.of(S3Uri(BUCKET, "runs"), "apples", "2013-06-01", "attempt")


@pytest.fixture
def pipeline(make_file_pipeline):
    return make_file_pipeline(
        {"files": f"s3://{BUCKET}/apples/date={{{{ partition }}}}/**/*.csv*", "format": "csv"}
    )


def key(name):
    return S3Uri(BUCKET, f"apples/date=2013-06-01/{name}")


def downloaded(store, stored):
    with tempfile.TemporaryFile() as file:
        store.download(stored, file)
        file.seek(0)
        return file.read()


def test_objects_are_listed_by_the_beginning_of_their_keys(store):
    for name in ("fruit/b", "fruit/a/x", "fruit", "fruits/ä", "fruits/z", "veg"):
        store.put(S3Uri(BUCKET, name), name.encode())
    found = list(store.listed(S3Uri(BUCKET, "fruit")))
    names = ["fruit", "fruit/a/x", "fruit/b", "fruits/z", "fruits/ä"]
    assert [stored.uri.key for stored in found] == names
    assert [downloaded(store, stored) for stored in found] == [name.encode() for name in names]
    assert [stored.uri.key for stored in store.listed(S3Uri(BUCKET, "fruit/"))] == names[1:3]
    assert list(store.listed(S3Uri(BUCKET, "fish"))) == []


@pytest.mark.parametrize(
    "name",
    [
        "a b",
        "a+b",
        "a%41",
        "?a=b&c#d",
        "\N{GREEN APPLE}",
        "..",
        "a//b",
        "é",
        "'\"\\",
        "~{*}",
    ],
)
def test_a_key_may_have_any_characters(store, name):
    uri, copied = key(f"{name}.csv"), key(f"{name}, copied")
    store.put(uri, b"red")
    store.copy(uri, copied)
    assert [stored.uri for stored in store.listed(key(name))] == sorted([uri, copied], key=str)
    assert [store.get(each) for each in (uri, copied)] == [b"red"] * 2
    assert [downloaded(store, stored) for stored in store.listed(key(name))] == [b"red"] * 2


parts_of_keys = st.text(
    st.characters(
        codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="{}"
    )
    | st.sampled_from("/+% \"'"),
    min_size=1,
    max_size=12,
).filter(lambda part: not part.endswith("/"))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(folder=parts_of_keys, name=parts_of_keys)
def test_files_shards_and_manifest_lie_below_keys_of_any_characters(
    s3, make_file_pipeline, partition, folder, name
):
    store = S3Objects(s3)
    source = f"s3://{BUCKET}/{literal(folder)}/{{{{ partition }}}}/**/*"
    pipeline = make_file_pipeline({"files": source, "format": "csv"})
    (uri,) = files = [S3Uri(BUCKET, f"{folder}/2013-06-01/a{name.replace('/', '/a')}")]
    store.put(uri, HEADER + b"7,,\n")
    layout = RunLayout.of(S3Uri(BUCKET, f"{folder} runs"), "apples", "2013-06-01", name)
    index = extract(pipeline, partition, FileSource(store), store, layout)
    written = manifest.write(index, layout, store)
    shards = manifest.parse(store.get(S3Uri.parse(str(written))))
    assert RunLayout.of_index(str(layout.index)) == layout
    assert [store.get(shard) for shard in shards] == [b"7,,\n"]
    for each in (*files, *store.keys(layout.attempt_root)):
        s3.delete_object(Bucket=BUCKET, Key=each.key)


def literal(text):
    """A pattern that matches a text alone."""
    return re.sub(r"([*?\[{}])", r"[\1]", text)


@pytest.mark.parametrize("character", ["\n", "\r", "\0", "\x1b", "\u2028"])
def test_a_key_of_control_characters_is_refused_before_anything_is_done(
    make_file_pipeline, character
):
    with pytest.raises(SettingsError, match="a key has no line breaks and no other control"):
        Deployment.from_environ({"BATCH_TRANSFORM_S3_URI": f"s3://{BUCKET}/a{character}b"})
    source = f"s3://{BUCKET}/a{character}b/{{{{ partition }}}}"
    with pytest.raises(ValidationError, match="a pattern has no line breaks and no other control"):
        make_file_pipeline({"files": source, "format": "csv"})


def test_an_object_that_is_another_than_was_listed_is_not_downloaded(store):
    uri = S3Uri(BUCKET, "apple")
    store.put(uri, b"red")
    (stored,) = store.listed(uri)
    store.put(uri, b"red")
    assert downloaded(store, stored) == b"red", "the same content is the same object"
    store.put(uri, b"green")
    with pytest.raises(ObjectChanged):
        downloaded(store, stored)


def test_an_object_that_is_gone_is_not_downloaded(store, request):
    uri = S3Uri(BUCKET, "apple")
    store.put(uri, b"red")
    (stored,) = store.listed(uri)
    if isinstance(store, InMemoryObjects):
        del store.content[uri]
    else:
        request.getfixturevalue("s3").delete_object(Bucket=BUCKET, Key=uri.key)
    with pytest.raises(ObjectChanged):
        downloaded(store, stored)


def test_a_large_object_goes_to_disk_in_pieces(s3):
    body = bytes(range(256)) * (24 << 12)
    store = S3Objects(s3)
    store.put(S3Uri(BUCKET, "large"), body)
    (stored,) = store.listed(S3Uri(BUCKET, "large"))
    with tempfile.TemporaryFile() as file:
        tracemalloc.start()
        store.download(stored, file)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        file.seek(0)
        assert file.read() == body
    assert peak < len(body) / 4


def test_an_extract_reads_through_the_airflow_connection(
    s3,
    pipeline,
    partition,
    layout,
    lake,
):
    store = S3Objects(s3)
    store.put(key("hour=01/part.csv.gz"), gzip.compress(HEADER + b"3,0.5,red\n"))
    store.put(key("hour=00/part.csv"), HEADER + b"7,,\n")
    store.put(key("hour=00/empty.csv"), b"apple_id,weight,colour\n")
    store.put(key("_temporary/part.csv"), HEADER + b"9,,\n")
    store.put(S3Uri(BUCKET, "apples/date=2013-06-02/part.csv"), HEADER + b"8,,\n")
    with open_source(pipeline) as source:
        index = extract(pipeline, partition, source, store, layout)
    assert store.get(layout.input / "part-00000.csv") == b"7,,\n3,0.5,red\n"
    assert index.records == 2


def test_no_match_writes_nothing(s3, pipeline, partition, layout):
    store = S3Objects(s3)
    with pytest.raises(SourceError, match="No file of partition 2013-06-01 matches s3://lake-"):
        extract(pipeline, partition, FileSource(store), store, layout)
    assert list(store.keys(layout.attempt_root)) == []


def test_a_file_replaced_during_the_extract_ends_it_and_the_next_reads_the_new_one(
    s3, pipeline, partition, layout
):
    store = S3Objects(s3)
    store.put(key("a.csv"), HEADER + b"".join(b"%d,,\n" % n for n in range(30_000)))
    store.put(key("b.csv"), HEADER + b"100000,,old\n")
    lines = FileSource(store).lines(partition, pipeline)
    next(lines.blocks)  # the first file is being read
    store.put(key("b.csv"), HEADER + b"100000,,new\n")
    with pytest.raises(SourceChanged, match="b.csv was replaced or deleted after the extract had"):
        list(lines.blocks)
    assert extract(pipeline, partition, FileSource(store), store, layout).records == 30_001
    assert store.get(layout.input / "part-00000.csv").endswith(b"100000,,new\n")


def parquet_of(ids):
    file = BytesIO()
    rows = {"apple_id": ids, "weight": [each / 8 for each in ids], "colour": ["red"] * len(ids)}
    parquet.write_table(pa.table(rows), file)
    return file.getvalue()


@pytest.mark.parametrize("folders", ["", "slice={{ slice }}/"])
def test_slices_of_parquet_are_joined_to_the_same_extract_however_the_files_lie(
    lake, make_file_pipeline, partition, folders
):
    by_layout = []
    for layout, ids in (("one", [[4, 1, 2, 3, 0]]), ("two", [[0, 2], [3], [1], [4]])):
        source = f"s3://{BUCKET}/{layout}/{{{{ partition }}}}/{folders}*"
        pipeline = make_file_pipeline({"files": source, "format": "parquet"}, extract={"slices": 2})
        put_in_folders(lake, layout, ids, is_by_slice=bool(folders))
        uris = []
        for part in slices(pipeline.settings.extract):
            where = RunLayout(attempt_root=S3Uri(BUCKET, f"runs/{layout}/{part.number}"))
            with open_source(pipeline, part) as opened:
                extract(pipeline, partition, opened, lake, where)
            uris.append(str(where.index))
        joined = RunLayout(attempt_root=S3Uri(BUCKET, f"runs/{layout}/joined"))
        by_layout.append(join(pipeline, uris, lake, joined).shards)
    assert by_layout[0] == by_layout[1]
    assert [shard.first_id for shard in by_layout[0]] == [(0,), (1,)]


def put_in_folders(lake, layout, lots, *, is_by_slice):
    for number, ids in enumerate(lots):
        for part in (0, 1) if is_by_slice else (0,):
            mine = [each for each in ids if each % 2 == part] if is_by_slice else ids
            folder = f"slice={part}/" if is_by_slice else ""
            if mine:
                name = f"{layout}/2013-06-01/{folder}{number}.parquet"
                lake.put(S3Uri(BUCKET, name), parquet_of(mine))
