"""What the switches about undocumented behaviour change, where no running service is needed."""

import gzip
import json
from dataclasses import replace

import pytest

from sagemaker_lab.samples import DEFAULTS, in_chunks, plan
from sagemaker_local.agent.gunzip import gunzip_if_it_is
from sagemaker_local.agent.invoke import timeout_text
from sagemaker_local.agent.jsonpath import JsonPath, Rules
from sagemaker_local.agent.pack import Packer, Packing
from sagemaker_local.agent.parameters import Parameters
from sagemaker_local.agent.processing import Processor
from sagemaker_local.transform.inputs import find
from sagemaker_local.transform.planning import share


class Store:
    """Keys of one bucket, and a manifest."""

    def __init__(self, *keys, manifest=()):
        self._keys = keys
        self._manifest = [{"prefix": "s3://b/in/"}, *manifest]

    def listing(self, _bucket, prefix):
        return [(key, 1) for key in self._keys if key.startswith(prefix)]

    def read(self, _bucket, _key):
        return json.dumps(self._manifest).encode()


def request(uri, kind="S3Prefix", compression="None"):
    where = {"S3DataType": kind, "S3Uri": uri}
    source = {"DataSource": {"S3DataSource": where}, "CompressionType": compression}
    return {"TransformInput": source, "TransformOutput": {"S3OutputPath": "s3://b/out"}}


def output_keys(store, given, **switches):
    return [item.output_key for item in find(store, given, {**DEFAULTS, **switches}).objects]


@pytest.mark.parametrize(
    ("switches", "keys"),
    [
        ({}, ["out/data.csv.out", "out/x/a.csv.out"]),
        ({"prefix_inside_a_name": "strip"}, ["out/ta.csv.out", "out/x/a.csv.out"]),
    ],
)
def test_prefix_inside_a_name(switches, keys):
    store = Store("in/data.csv", "in/da/x/a.csv")
    assert output_keys(store, request("s3://b/in/da"), **switches) == keys


def test_the_whole_key_as_prefix_whatever_the_switch():
    keys = output_keys(Store("in/a"), request("s3://b/in/a"), prefix_inside_a_name="strip")
    assert keys == ["out/a.out"]


@pytest.mark.parametrize(
    ("switches", "keys"),
    [
        ({}, ["out/a.out", "out/c/b.out"]),
        ({"manifest_duplicates": "each"}, ["out/a.out", "out/c/b.out", "out/a.out"]),
        ({"manifest_output_keys": "whole"}, ["out/in/a.out", "out/in/c/b.out"]),
    ],
)
def test_manifests(switches, keys):
    store = Store(manifest=["a", "c/b", "a"])
    assert output_keys(store, request("s3://b/m", "ManifestFile"), **switches) == keys


@pytest.mark.parametrize(
    ("value", "compression", "key"),
    [
        ("keep", "Gzip", "out/a.csv.gz.out"),
        ("drop", "Gzip", "out/a.csv.out"),
        ("drop", "None", "out/a.csv.gz.out"),
    ],
)
def test_gz_in_output_keys(value, compression, key):
    given = request("s3://b/in/", compression=compression)
    assert output_keys(Store("in/a.csv.gz"), given, gz_in_output_keys=value) == [key]


def test_objects_on_instances():
    def shares(*, in_turn):
        return [share(tuple("abcde"), number, 3, in_turn=in_turn) for number in range(3)]

    assert ["".join(each) for each in shares(in_turn=True)] == ["ad", "be", "c"]
    assert ["".join(each) for each in shares(in_turn=False)] == ["a", "bc", "de"]


@pytest.mark.parametrize(
    ("given", "switch", "strategy"),
    [
        ("SINGLE_RECORD", "ignore", "SingleRecord"),
        ("SingleRecord", "accept", "SingleRecord"),
        ("SingleRecord", "ignore", "MultiRecord"),
        (None, "accept", "MultiRecord"),
        (["?"], "accept", "MultiRecord"),
    ],
)
def test_camel_case_strategy(given, switch, strategy):
    job = switched(plan("text/csv"), camel_case_strategy=switch)
    assert Parameters.resolve(job, {"BatchStrategy": given}).strategy == strategy


def test_timeout_in_log():
    job = replace(plan("text/csv"), timeout=600, retries=1)
    assert timeout_text(job).endswith("within 600 seconds")
    assert timeout_text(switched(job, timeout_in_log="all-tries")).endswith("within 1200 seconds")


@pytest.mark.parametrize("data", [b"", b"p", b"plain\n", gzip.compress(b"zipped\n", mtime=0)])
def test_gzip_if_it_is(data):
    plain = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    assert b"".join(gunzip_if_it_is(in_chunks(data, [1])())) == plain


@pytest.mark.parametrize(
    ("kind", "rule", "bodies"),
    [
        ("Line", "by-split", []),
        ("None", "by-split", [b""]),
        ("Line", "send", [b""]),
        ("None", "send", [b""]),
        ("Line", "skip", []),
        ("None", "skip", []),
    ],
)
@pytest.mark.parametrize("limit", [None, 10])
def test_empty_objects(kind, rule, bodies, limit):
    packing = Packing(split_type=kind, single=False, limit=limit, empty_objects=rule)
    batches = list(Packer(packing=packing).batches(in_chunks(b"", [1])))
    assert [body_of(batch) for batch in batches] == bodies
    full = list(Packer(packing=packing).batches(in_chunks(b"1\n", [1])))
    assert [body_of(batch) for batch in full] == [b"1\n"]


def test_chunked_requests():
    packing = Packing(split_type="Line", single=True, limit=10, always_chunked=True)
    batches = list(Packer(packing=packing).batches(in_chunks(b"1\n2\n", [9])))
    assert [list(batch.body()) for batch in batches] == [[b"1\n"], [b"2\n"]]


def test_carriage_returns():
    packing = Packing(split_type="Line", single=True, limit=10, strip_carriage_returns=True)
    batches = list(Packer(packing=packing).batches(in_chunks(b"1\r\n2\r3\n4\r", [9])))
    assert [batch.body for batch in batches] == [b"1\n", b"2\r3\n", b"4"]


def test_wildcard_order():
    value = {"b": 1, "a": 2}
    assert JsonPath("$.*").of_json(value) == [1, 2]
    assert JsonPath("$.*", Rules(sorted_wildcard=True)).of_json(value) == [2, 1]


def test_json_numbers_as_go_writes_them():
    spelled = {
        "1.0": "1",
        "-0.0": "-0",
        "-0": "-0",
        "1e5": "100000",
        "9007199254740993": "9007199254740992",
        "0.1": "0.1",
        "1E-7": "1e-7",
        "1e21": "1e+21",
        "1.5e300": "1.5e+300",
        "123456789012345678901": "123456789012345680000",
    }
    reply = f"[{','.join(spelled)}]".encode()
    job = plan("application/jsonlines", output_filter="$[0:]")
    kept = f"[{','.join(spelled)}]\n".encode()
    assert Processor(job).output([b"1\n"], reply) == kept
    go = f"[{','.join(spelled.values())}]\n".encode()
    assert Processor(switched(job, json_numbers="go")).output([b"1\n"], reply) == go


@pytest.mark.parametrize(
    ("reply", "assemble", "rule", "output"),
    [
        (b"1,2\n3,4", "None", "lines", b"2\n4"),
        (b"1,2\n3,4\n", "None", "lines", b"2\n4\n"),
        (b"1,2\n3,4\n", "None", "glued", b"24"),
        (b"1,2\n3,4", "Line", "glued", b"2\n4\n"),
        (b"", "Line", "lines", b""),
    ],
)
def test_records_without_assembly(reply, assemble, rule, output):
    job = replace(plan("text/csv", output_filter="$[1]"), assemble_with=assemble)
    processor = Processor(switched(job, records_without_assembly=rule))
    assert processor.output(b"", reply) == output


def switched(job, **switches):
    return replace(job, switches={**job.switches, **switches})


def body_of(batch):
    return batch.body if isinstance(batch.body, bytes) else b"".join(batch.body())
