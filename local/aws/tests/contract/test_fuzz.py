"""Whatever is sent, the answer is a result or a 400 with a code."""

import json
import socket
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagemaker_lab.wire import post

OPERATIONS = ("CreateTransformJob", "DescribeTransformJob", "ListTransformJobs", "StopTransformJob")
QUIET = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TEXTS = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "$",
            "$[",
            "$['a']",
            "s3://b/k",
            "https://h/b",
            "ml.m5.large",
            "Line",
            "None",
            "Input",
            "S3Prefix",
            "ManifestFile",
            "text/csv",
            "a-b",
            "\ud800",
        ]
    ),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
NAMES = {
    "CreateTransformJob": [
        "TransformJobName",
        "ModelName",
        "MaxConcurrentTransforms",
        "ModelClientConfig",
        "MaxPayloadInMB",
        "BatchStrategy",
        "Environment",
        "DataProcessing",
        "Tags",
        "DataCaptureConfig",
        "ExperimentConfig",
    ],
    "DescribeTransformJob": ["TransformJobName"],
    "StopTransformJob": ["TransformJobName"],
    "ListTransformJobs": [
        "CreationTimeAfter",
        "CreationTimeBefore",
        "LastModifiedTimeAfter",
        "LastModifiedTimeBefore",
        "NameContains",
        "SortBy",
        "SortOrder",
        "NextToken",
        "MaxResults",
        "StatusEquals",
    ],
}
SOURCE = st.fixed_dictionaries(
    {
        "DataSource": st.fixed_dictionaries(
            {"S3DataSource": st.fixed_dictionaries({"S3DataType": TEXTS, "S3Uri": TEXTS})}
        )
    },
    optional={"ContentType": TEXTS, "SplitType": TEXTS, "CompressionType": TEXTS},
)


@st.composite
def calls(draw):
    operation = draw(st.sampled_from(OPERATIONS))
    document = draw(st.dictionaries(st.sampled_from(NAMES[operation]), VALUES))
    if operation == "CreateTransformJob":
        document |= draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "TransformInput": SOURCE | VALUES,
                    "TransformOutput": st.fixed_dictionaries({"S3OutputPath": TEXTS}) | VALUES,
                    "TransformResources": st.fixed_dictionaries(
                        {"InstanceType": TEXTS, "InstanceCount": st.integers()}
                    )
                    | VALUES,
                },
            )
        )
    return operation, document


def assert_orderly(answer):
    assert answer.status in {200, 400}, answer
    assert (answer.status == 400) == bool(answer.code), answer


@QUIET
@given(call=calls())
def test_documents_of_any_shape(sagemaker_local, call):
    assert_orderly(post(sagemaker_local, *call))


@QUIET
@given(operation=st.sampled_from(OPERATIONS), body=st.binary(max_size=200))
def test_bodies_that_are_not_json(sagemaker_local, operation, body):
    assert_orderly(post(sagemaker_local, operation, body=body))


@QUIET
@given(
    field=st.sampled_from(["InputFilter", "OutputFilter"]),
    path=st.text("$[]'.,:-* a1", max_size=63),
)
def test_filters_of_any_shape(lab_with_object, field, path):
    lab = lab_with_object
    request = lab.request(
        model=lab.fuzz_model,
        ContentType="application/jsonlines",
        SplitType="Line",
        DataProcessing={field: path},
    )
    assert_orderly(post(lab.aws, "CreateTransformJob", request))


@pytest.fixture
def lab_with_object(lab):
    lab.put(a__jsonl=b'{"a": [1]}\n')
    lab.fuzz_model = lab.model("http://127.0.0.1:9")
    lab.aws.faults.no_output(times=100_000)
    return lab


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Credential=k/20200101/no-such-region/sagemaker/aws4_request"},
        {"Authorization": "nonsense"},
        {"Content-Type": "text/plain"},
        {"Content-Encoding": "gzip"},
    ],
)
def test_headers_of_any_kind(sagemaker_local, operation, headers):
    assert_orderly(post(sagemaker_local, operation, {"TransformJobName": "a"}, headers=headers))


def test_region_of_any_name(lab):
    lab.put(a__csv=b"1\n")
    headers = {"Authorization": "Credential=k/20200101/xy-nowhere-9/sagemaker/aws4_request"}
    answer = post(lab.aws, "CreateTransformJob", lab.request(), headers=headers)
    assert (answer.status, answer.code) == (400, "ValidationException")


def test_a_body_that_ends_early(sagemaker_local):
    parts = urlsplit(sagemaker_local.endpoint_url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: SageMaker.ListTransformJobs\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.split(b" ", 2)[1] == b"400"
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["__type"] == "SerializationException"
