"""Running one conformance vector over boto3 against a running service."""

from __future__ import annotations

import functools
import gzip
import json
import re
import time
import uuid
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sagemaker_lab.case_container import CaseContainer

VECTORS = Path(__file__).with_name("vectors.json")
OWN_VECTORS = Path(__file__).with_name("own_vectors.json")
_REPEATED = re.compile("⟨(.)\\*(\\d+)⟩")
_IN_INPUT = ("ContentType", "CompressionType", "SplitType")
_IN_OUTPUT = ("Accept", "AssembleWith")
_GROUP = "/aws/sagemaker/TransformJobs"


def load() -> list[dict[str, Any]]:
    files = [VECTORS, OWN_VECTORS]
    cases: list[dict[str, Any]] = []
    for file in files:
        cases += json.loads(file.read_text()) if file.exists() else []
    return cases


@functools.cache
def client(service: str, endpoint_url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
    )


class VectorCase:
    """One vector, ready to be run.

    Args:
        case: the vector.
        endpoint_url: the service.
    """

    def __init__(self, case: dict[str, Any], endpoint_url: str) -> None:
        self.bucket = f"vectors-{uuid.uuid4().hex[:12]}"
        self._case = self._expanded(case)
        self._name = f"{case['name'][:40].rstrip('-')}-{uuid.uuid4().hex[:8]}"
        self._s3 = client("s3", endpoint_url)
        self._sagemaker = client("sagemaker", endpoint_url)
        self._logs = client("logs", endpoint_url)

    def run(self) -> list[str]:
        """What does not hold; empty when the vector passes."""
        self._put_objects()
        with CaseContainer(self._case["exchanges"]) as container:
            self._create_model(container.url)
            try:
                self._sagemaker.create_transform_job(**self._request())
            except ClientError as error:
                return self._refused(error.response["Error"])
            if self._case["expect"]["create_error"]:
                return ["the job was created, not refused"]
            description = self._wait()
            problems = container.exchanges.problems()
        return problems + self._ended(description) + self._outputs() + self._data_log()

    def _expanded(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._expanded(key): self._expanded(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._expanded(each) for each in value]
        if isinstance(value, str):
            text = _REPEATED.sub(lambda match: match[1] * int(match[2]), value)
            return text.replace("BUCKET", self.bucket)
        return value

    def _put_objects(self) -> None:
        self._s3.create_bucket(Bucket=self.bucket)
        source = self._case["input"]
        for key, text in source["objects"].items():
            data = text.encode()
            body = gzip.compress(data) if key in source["gzip_keys"] else data
            self._s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def _create_model(self, url: str) -> None:
        self._sagemaker.create_model(
            ModelName=self._name,
            ExecutionRoleArn="arn:aws:iam::123456789012:role/vectors",
            PrimaryContainer={"Image": url},
        )

    def _request(self) -> dict[str, Any]:
        given = dict(self._case["request"])
        source = self._case["input"]
        where = {"S3DataType": source["S3DataType"], "S3Uri": source["S3Uri"]}
        into = {name: given.pop(name) for name in _IN_INPUT if name in given}
        out = {name: given.pop(name) for name in _IN_OUTPUT if name in given}
        return {
            "TransformJobName": self._name,
            "ModelName": self._name,
            "TransformInput": {"DataSource": {"S3DataSource": where}, **into},
            "TransformOutput": {"S3OutputPath": f"s3://{self.bucket}/out/", **out},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            **given,
        }

    def _refused(self, error: dict[str, Any]) -> list[str]:
        expected = self._case["expect"]["create_error"]
        if not expected:
            return [f"the job was refused: {error}"]
        if error["Code"] != expected["code"]:
            return [f"the code is {error['Code']}"]
        if expected["contains"] not in error["Message"]:
            return [f"the message is {error['Message']}"]
        return []

    def _wait(self) -> dict[str, Any]:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            description: dict[str, Any] = self._sagemaker.describe_transform_job(
                TransformJobName=self._name
            )
            if description["TransformJobStatus"] in {"Completed", "Failed", "Stopped"}:
                return description
            time.sleep(0.02)
        return {"TransformJobStatus": "still running after 60 s"}

    def _ended(self, description: dict[str, Any]) -> list[str]:
        expect, problems = self._case["expect"], []
        if description["TransformJobStatus"] != expect["status"]:
            reason = description.get("FailureReason", "")
            problems.append(f"the job is {description['TransformJobStatus']} {reason}")
        prefix = expect.get("failure_prefix")
        if prefix and not description.get("FailureReason", "").startswith(prefix):
            problems.append(f"the FailureReason is {description.get('FailureReason')}")
        return problems

    def _outputs(self) -> list[str]:
        expect = self._case["expect"]
        listed = self._s3.list_objects_v2(Bucket=self.bucket, Prefix="out/").get("Contents", [])
        left = {each["Key"]: self._text(each["Key"]) for each in listed}
        problems = [f"{key} exists" for key in expect.get("absent", []) if key in left]
        for key, text in expect.get("outputs", {}).items():
            problems += _compare(key, left.pop(key, None), [text])
        for suffix, text in expect.get("outputs_by_suffix", {}).items():
            key = next((key for key in left if key.endswith(suffix)), suffix)
            problems += _compare(key, left.pop(key, None), [text])
        for key, texts in _alternatives(expect.get("outputs_any")):
            problems += _compare(key, left.pop(key, None), texts)
        return problems + [f"{key} is not expected" for key in left]

    def _text(self, key: str) -> str:
        body: bytes = self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body.decode()

    def _data_log(self) -> list[str]:
        expected = self._case["expect"].get("data_log_contains", [])
        if not expected:
            return []
        streams = self._logs.describe_log_streams(
            logGroupName=_GROUP, logStreamNamePrefix=f"{self._name}/"
        )["logStreams"]
        lines: list[str] = []
        for stream in streams:
            name = stream["logStreamName"]
            if name.endswith("/data-log"):
                events = self._logs.get_log_events(
                    logGroupName=_GROUP, logStreamName=name, startFromHead=True
                )["events"]
                lines += [event["message"] for event in events]
        text = "\n".join(lines)
        return [f"the data-log lacks {each!r}" for each in expected if each not in text]


def _alternatives(outputs: Any) -> list[tuple[str, list[str]]]:
    if not outputs:
        return []
    return [(key, [text] if isinstance(text, str) else text) for key, text in outputs.items()]


def _compare(key: str, got: str | None, expected: list[str]) -> list[str]:
    if got is None:
        return [f"{key} is missing"]
    if got.rstrip("\n") in [text.rstrip("\n") for text in expected]:
        return []
    return [f"{key} is {got[:200]!r}, not {expected[0][:200]!r}"]
