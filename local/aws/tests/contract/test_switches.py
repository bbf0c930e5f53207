"""Every switch about data changes what its description says."""

import pytest
from botocore.exceptions import ClientError

CSV = {"ContentType": "text/csv", "Accept": "text/csv", "SplitType": "Line", "AssembleWith": "Line"}
JSONL = {**CSV, "ContentType": "application/jsonlines", "Accept": "application/jsonlines"}
JOIN = {"DataProcessing": {"JoinSource": "Input"}}


def filtered(path):
    return {"DataProcessing": {"InputFilter": path}}


@pytest.mark.parametrize(
    ("switches", "fields", "content", "output"),
    [
        ({"slice_end": "inclusive"}, {**CSV, **filtered("$[1:2]")}, b"1,2,3,4\n", b"2,3\n"),
        ({"slice_end": "inclusive"}, {**CSV, **filtered("$[0:-1]")}, b"1,2,3\n", b"1,2,3\n"),
        ({"index_and_range": "refuse"}, {**CSV, **filtered("$[0,2:]")}, b"1,2,3\n", None),
        (
            {"missing_name": "null"},
            {**JSONL, **filtered("$['a','b']")},
            b'{"a":1}\n',
            b'{"a":1,"b":null}\n',
        ),
        ({"missing_name": "omit"}, {**JSONL, **filtered("$['a','b']")}, b'{"a":1}\n', b'{"a":1}\n'),
        (
            {"json_html_escape": True},
            {**JSONL, **filtered("$.a")},
            b'{"a":"<&>"}\n',
            b'"\\u003c\\u0026\\u003e"\n',
        ),
        ({"csv_quote_leading_blank": True}, {**CSV, **filtered("$[1:]")}, b"1, 2,3\n", b'" 2",3\n'),
        ({"line_ends_in_requests": "strip"}, {**CSV, "AssembleWith": "None"}, b"1\n2\n", b"1\n2"),
        ({"bytes_per_mb": 1}, {**CSV, "MaxPayloadInMB": 2}, b"123\n", None),
        ({"unsplittable": "fail"}, {"SplitType": "RecordIO"}, b"not RecordIO", None),
    ],
)
def test_switch(lab, switched, switches, fields, content, output):
    lab.put(a=content)
    with switched(**switches):
        description = lab.run(**fields)
    if output is None:
        assert description["FailureReason"] == "ClientError: See job logs for more information"
        assert lab.outputs() == set()
    else:
        assert description["TransformJobStatus"] == "Completed"
        assert lab.output("a") == output


@pytest.mark.parametrize(
    ("switches", "fields"),
    [
        ({"payload_in_product": "six-if-unset"}, {"MaxConcurrentTransforms": 20}),
        ({"names_on_csv": "create-time"}, {**CSV, **filtered("$.a")}),
        ({"instance_limit": 1}, {"InstanceCount": 2}),
        ({"strategy_without_split": "refuse"}, {"BatchStrategy": "MultiRecord"}),
    ],
)
def test_switch_of_what_is_refused(lab, switched, switches, fields):
    lab.put(a=b"1\n")
    with switched(**switches), pytest.raises(ClientError):
        lab.start(**fields)
    lab.start(**fields)


def test_a_missing_key_of_a_manifest_can_be_refused(lab, switched):
    lab.put(a=b"1\n")
    lab.put_key("m", b'[{"prefix": "s3://%b/in/"}, "a", "none"]' % lab.bucket.encode())
    fields = {"uri": f"s3://{lab.bucket}/m", "kind": "ManifestFile"}
    with switched(missing_manifest_key="refuse"), pytest.raises(ClientError, match="No S3 objects"):
        lab.start(**fields)
    lab.start(**fields)


@pytest.mark.parametrize("code", ["ResourceNotFound", "ValidationException"])
def test_code_of_an_unknown_job(lab, switched, code):
    with switched(unknown_job=code):
        for call in (lab.sagemaker.describe_transform_job, lab.sagemaker.stop_transform_job):
            with pytest.raises(ClientError) as caught:
                call(TransformJobName="none")
            assert caught.value.response["Error"]["Code"] == code


def test_folder_markers_can_be_inputs(lab, switched):
    lab.put_key("in/", b"")
    lab.put(a=b"1\n")
    with switched(folder_markers="send"):
        lab.run("test/count:1")
    assert len(lab.outputs()) == 2


def test_default_timeout_and_retries(lab, switched):
    lab.put(a=b"1\n")
    with switched(default_timeout_seconds=1, default_retries=0):
        description = lab.run("test/hanging:1")
    took = description["TransformEndTime"] - description["TransformStartTime"]
    assert took.total_seconds() >= 1
    streams = lab.streams(description["TransformJobName"])
    asked = sum(line == "asked" for each in streams for line in lab.lines(each))
    assert asked == 1, "without the switches it waits ten minutes, and asks again"


def test_a_job_keeps_the_values_of_its_creation(lab, switched):
    lab.put(a=b"1\n\n")
    with switched(blank_lines="skip", provisioning_seconds=0.3):
        name = lab.start(**CSV)
    lab.wait(name)
    assert lab.output("a") == b"1\n"
