"""Objects in, requests, objects out."""

import gzip
import io
import json
import re
import tarfile

import pytest

from sagemaker_lab import processes
from sagemaker_lab.samples import recordio, tfrecord

LINES = {"SplitType": "Line", "AssembleWith": "Line"}


def completed(description):
    reason = description.get("FailureReason")
    assert description["TransformJobStatus"] == "Completed", reason
    return description


def failed(description, reason="ClientError: See job logs for more information"):
    assert description["TransformJobStatus"] == "Failed"
    assert description["FailureReason"] == reason
    return description["TransformJobName"]


@pytest.mark.parametrize(
    ("split", "framed"), [("TFRecord", tfrecord), ("RecordIO", recordio)], ids=["tf", "recordio"]
)
def test_frames_one_by_one_are_payloads(lab, split, framed):
    lab.put(a=framed([b"one", b"three", b""]))
    completed(lab.run(SplitType=split, BatchStrategy="SingleRecord", AssembleWith="Line"))
    assert lab.output("a") == b"one\nthree\n\n"


@pytest.mark.parametrize(
    ("split", "framed"), [("TFRecord", tfrecord), ("RecordIO", recordio)], ids=["tf", "recordio"]
)
def test_frames_together_stay_framed(lab, split, framed):
    whole = framed([bytes([65 + number]) * 400_000 for number in range(5)])
    lab.put(a=whole)
    completed(lab.run(SplitType=split, MaxPayloadInMB=1))
    assert lab.output("a") == whole


def test_what_cannot_be_split_is_sent_whole(lab):
    lab.put(a=b"not a record at all")
    completed(lab.run(SplitType="TFRecord", BatchStrategy="SingleRecord"))
    assert lab.output("a") == b"not a record at all"


def test_a_cut_off_tfrecord_costs_its_object(lab):
    lab.put(a=tfrecord([b"one", b"two"])[:-5], b=tfrecord([b"one"]))
    failed(lab.run(SplitType="TFRecord", BatchStrategy="SingleRecord"))
    assert lab.outputs() == {"b.out"}


def test_gzip_that_is_none_costs_its_object(lab):
    lab.put(
        a=gzip.compress(b"1\n") + gzip.compress(b"2\n"), b=b"plain\n", c=gzip.compress(b"3")[:-4]
    )
    failed(lab.run(CompressionType="Gzip", **LINES))
    assert lab.outputs() == {"a.out"}
    assert lab.output("a") == b"1\n2\n"


def test_manifest_with_duplicates_and_a_missing_key(lab):
    lab.put(a=b"1\n")
    entries = [{"prefix": f"s3://{lab.bucket}/in/"}, "a", "a", "none"]
    lab.put_key("m.manifest", json.dumps(entries).encode())
    job = failed(lab.run(uri=f"s3://{lab.bucket}/m.manifest", kind="ManifestFile"))
    assert lab.outputs() == {"a.out"}
    assert any(f"{lab.bucket}/in/none: " in line for line in lab.data_log(job))


@pytest.mark.parametrize(
    "manifest", [b"{", b"[]", b'["a"]', b'[{"prefix": 1}]', b'[{"prefix": "s3://b/"}, 1]']
)
def test_a_manifest_of_another_form_fails_the_job(lab, manifest):
    lab.put_key("m.manifest", manifest)
    description = lab.run(uri=f"s3://{lab.bucket}/m.manifest", kind="ManifestFile")
    assert description["FailureReason"].startswith("ClientError: The manifest cannot be read")


def test_folder_markers_and_empty_objects(lab):
    lab.put_key("in/", b"")
    lab.put(empty=b"", full=b"1\n")
    job = completed(lab.run(**LINES))["TransformJobName"]
    assert lab.outputs() == {"empty.out", "full.out"}
    assert lab.output("empty") == b""
    assert any("folder marker" in line for line in lab.data_log(job))


def test_an_empty_object_that_is_not_split_is_one_empty_request(lab):
    lab.put(empty=b"")
    completed(lab.run("test/requests:1"))
    assert json.loads(lab.output("empty"))["body"] == ""


def test_headers_of_a_request(lab):
    lab.put(a=b"1\n")
    completed(lab.run("test/requests:1", ContentType="text/csv", Accept="application/json"))
    seen = json.loads(lab.output("a"))
    assert seen["path"] == "/invocations"
    assert seen["headers"]["Content-Type"] == "text/csv"
    assert seen["headers"]["Accept"] == "application/json"
    assert seen["headers"]["Content-Length"] == "2"


def test_no_limit_is_one_chunked_request(lab):
    lab.put(a=b"1\n2\n3\n")
    completed(lab.run("test/requests:1", MaxPayloadInMB=0, **LINES))
    seen = json.loads(lab.output("a"))
    assert seen["headers"]["Transfer-Encoding"] == "chunked"
    assert seen["body"] == "1\n2\n3\n"


def test_a_streamed_request_that_cannot_be_read_to_its_end(lab):
    lab.put(a=gzip.compress(b"1\n")[:-4], b=gzip.compress(b"2\n"))
    failed(lab.run(MaxPayloadInMB=0, CompressionType="Gzip", **LINES))
    assert lab.outputs() == {"b.out"}
    assert lab.output("b") == b"2\n"


def test_blank_lines_are_records_unless_skipped(lab, switched):
    lab.put(a=b"1\n\n2\n")
    completed(lab.run(BatchStrategy="SingleRecord", **LINES))
    assert lab.output("a") == b"1\n\n2\n"
    with switched(blank_lines="skip"):
        completed(lab.run(BatchStrategy="SingleRecord", **LINES))
    assert lab.output("a") == b"1\n2\n"


def test_line_after_a_reply_that_has_one(lab, switched):
    lab.put(a=b"1\n2\n")
    with switched(line_after_reply="always"):
        completed(lab.run(BatchStrategy="SingleRecord", **LINES))
    assert lab.output("a") == b"1\n\n2\n\n"


def test_requests_in_flight(lab):
    lab.put(a=b"x\n" * 12)
    completed(
        lab.run("test/slow:1", BatchStrategy="SingleRecord", MaxConcurrentTransforms=4, **LINES)
    )
    assert max(map(int, lab.output("a").split())) == 4


def test_objects_of_one_request_are_sent_side_by_side(lab):
    lab.put(**{f"o{number}": b"x" for number in range(6)})
    completed(lab.run("test/slow:1", MaxConcurrentTransforms=3))
    assert max(int(lab.output(f"o{number}")) for number in range(6)) == 3


def test_objects_are_dealt_out_to_instances(lab):
    lab.put(**{f"o{number}": b"x" for number in range(4)})
    job = completed(lab.run("test/environment:1", InstanceCount=2))["TransformJobName"]
    folders = {json.loads(lab.output(f"o{number}"))["cwd"] for number in range(4)}
    assert len(folders) == 2
    assert len([name for name in lab.streams(job) if name.endswith("data-log")]) == 2


def test_a_prefix_that_ends_inside_a_name(lab):
    lab.put(data__csv=b"1\n", database__csv=b"2\n")
    completed(lab.run(uri=f"s3://{lab.bucket}/in/da"))
    assert lab.outputs() == {"data.csv.out", "database.csv.out"}


def test_output_of_a_job_is_encrypted_with_its_key(lab):
    lab.put(a=b"1\n")
    completed(lab.run(KmsKeyId="alias/mine"))
    head = lab.s3.head_object(Bucket=lab.bucket, Key="out/a.out")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "alias/mine")


def test_an_output_bucket_that_does_not_exist(lab):
    lab.put(a=b"1\n")
    request = lab.request()
    request["TransformOutput"]["S3OutputPath"] = "s3://no-such-bucket-anywhere/out"
    lab.sagemaker.create_transform_job(**request)
    job = failed(lab.wait(request["TransformJobName"]))
    assert any("There is no bucket" in line for line in lab.data_log(job))


def test_inference_ids(lab):
    lab.put(a=b"1,2\n3,4\n")
    capture = {"DestinationS3Uri": f"s3://{lab.bucket}/capture", "GenerateInferenceId": True}
    csv = {"ContentType": "text/csv", "Accept": "text/csv", **LINES}
    completed(lab.run("test/upper:1", DataCaptureConfig=capture, **csv))
    rows = [line.split(",") for line in lab.output("a").decode().splitlines()]
    assert [row[:2] for row in rows] == [["1", "2"], ["3", "4"]]
    assert len({row[2] for row in rows}) == 2
    assert len({row[3] for row in rows}) == 1
    captured = captured_manifests(lab)
    assert captured == {
        "input": [{"prefix": f"s3://{lab.bucket}/in/"}, "a"],
        "output": [{"prefix": f"s3://{lab.bucket}/out/"}, "a.out"],
    }


@pytest.mark.parametrize("given", [{"ContentType": "text/csv"}, {"Accept": "text/csv"}])
def test_data_capture_needs_both_types(lab, given):
    lab.put(a=b"1,2\n")
    capture = {"DestinationS3Uri": f"s3://{lab.bucket}/capture"}
    description = lab.run(DataCaptureConfig=capture, **given, **LINES)
    assert description["FailureReason"].startswith("InternalServerError: ")


def captured_manifests(lab):
    listed = lab.s3.list_objects_v2(Bucket=lab.bucket, Prefix="capture/")["Contents"]
    manifests = {}
    for each in listed:
        kind, *hour, name = each["Key"].removeprefix("capture/").split("/")
        assert re.fullmatch(r"\d{4}/\d\d/\d\d/\d\d", "/".join(hour))
        assert name.endswith(".json")
        body = lab.s3.get_object(Bucket=lab.bucket, Key=each["Key"])["Body"].read()
        manifests[kind] = json.loads(body)
    return manifests


def archive(**files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name.replace("__", "."))
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
    return buffer.getvalue()


def test_what_a_container_is_given(lab):
    lab.put(a=b"x")
    lab.put_key("m/model.tar.gz", archive(weights__txt=b"w"))
    model = lab.model(
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/test/environment:1",
        ModelDataUrl=f"s3://{lab.bucket}/m/model.tar.gz",
        Environment={"FROM_MODEL": "1", "BOTH": "model"},
    )
    completed(
        lab.run(
            model=model,
            Environment={"BOTH": "job"},
            MaxPayloadInMB=2,
            BatchStrategy="SingleRecord",
            MaxConcurrentTransforms=3,
        )
    )
    seen = json.loads(lab.output("a"))
    expected = {
        "FROM_MODEL": "1",
        "BOTH": "job",
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "2",
        "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "3",
    }
    assert expected.items() <= seen["env"].items()
    assert seen["model"] == {"weights.txt": "w"}
    assert "AWS_SECRET_ACCESS_KEY" not in seen["env"]


def test_parameters_a_caller_does_not_set_are_not_in_the_environment(lab):
    lab.put(a=b"x")
    completed(lab.run("test/environment:1"))
    names = {name for name in json.loads(lab.output("a"))["env"] if name.startswith("SAGEMAKER")}
    assert names == {"SAGEMAKER_BATCH", "SAGEMAKER_BIND_TO_PORT"}


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "MaxConcurrentTransforms=3, MaxPayloadInMB=2, BatchStrategy=SINGLE_RECORD"),
        (
            {"MaxPayloadInMB": 5},
            "MaxConcurrentTransforms=3, MaxPayloadInMB=5, BatchStrategy=SINGLE_RECORD",
        ),
        (
            {"MaxConcurrentTransforms": 0, "BatchStrategy": "MultiRecord"},
            "MaxConcurrentTransforms=3, MaxPayloadInMB=2, BatchStrategy=MULTI_RECORD",
        ),
    ],
)
def test_precedence_of_parameters(lab, fields, line):
    lab.put(a=b"1\n")
    job = completed(lab.run("test/parameters:1", **LINES, **fields))["TransformJobName"]
    assert lab.data_log(job)[0].endswith(line)


def test_a_pipeline_passes_replies_on(lab):
    lab.put(a=b"abc\n")
    name = lab.name()
    lab.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn="arn:aws:iam::123456789012:role/test",
        Containers=[{"Image": "test/upper:1"}, {"Image": "test/requests:1"}],
    )
    job = completed(lab.run(model=name, ContentType="text/csv"))["TransformJobName"]
    assert json.loads(lab.output("a"))["body"] == "ABC\n"
    ends = {stream.rpartition("/")[2] for stream in lab.streams(job)}
    assert ends == {"container-1", "container-2", "data-log"}


def test_a_model_archive_that_leaves_its_folder(lab):
    lab.put(a=b"x")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("../escaped"), io.BytesIO())
    lab.put_key("m.tar.gz", buffer.getvalue())
    for url, reason in [
        (f"s3://{lab.bucket}/m.tar.gz", "ClientError: Failed to extract model data archive"),
        (f"s3://{lab.bucket}/none", "ClientError: Could not find model data at s3://"),
    ]:
        description = lab.run(model=lab.model("test/echo:1", ModelDataUrl=url))
        assert description["FailureReason"].startswith(reason)


@pytest.mark.skipif(not processes.SUPPORTED, reason="needs /proc")
@pytest.mark.parametrize("size", [10, (1 << 20) + 10])
def test_objects_do_not_hold_files_open(lab, size):
    lab.put(**{f"o{number}": b"x" * size for number in range(40)})
    before = processes.open_files(lab.aws.pid)
    completed(lab.run(MaxConcurrentTransforms=8, InstanceCount=2))
    assert len(lab.outputs()) == 40
    assert len(lab.output("o39")) == size
    assert processes.open_files(lab.aws.pid) < before + 20


def test_an_input_that_goes_before_the_job_starts(lab, switched):
    lab.put_key("m.manifest", b'[{"prefix": "s3://b/in/"}, "a"]')
    with switched(provisioning_seconds=0.5):
        name = lab.start(uri=f"s3://{lab.bucket}/m.manifest", kind="ManifestFile")
    lab.s3.delete_object(Bucket=lab.bucket, Key="m.manifest")
    assert lab.wait(name)["FailureReason"].startswith("ClientError: The input is gone")
