from pathlib import Path

import pytest

from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.errors import SettingsError
from batch_transform.scoring.names import S3Uri

REQUIRED = {"BATCH_TRANSFORM_S3_URI": "s3://bucket/runs/"}


def test_only_the_bucket_must_be_given():
    assert Deployment.from_environ(REQUIRED) == Deployment(
        root=S3Uri("bucket", "runs"),
        aws_conn_id="aws_default",
        poll_seconds=60,
        pipelines=None,
    )


def test_everything_can_be_given():
    environ = {
        **REQUIRED,
        "BATCH_TRANSFORM_AWS_CONN_ID": "aws_scoring",
        "BATCH_TRANSFORM_POLL_SECONDS": "5",
        "BATCH_TRANSFORM_PIPELINES": "elsewhere",
        "BATCH_TRANSFORM_DEFERRABLE": "False",
        "BATCH_TRANSFORM_POOLS": "true",
    }
    assert Deployment.from_environ(environ) == Deployment(
        root=S3Uri("bucket", "runs"),
        aws_conn_id="aws_scoring",
        poll_seconds=5,
        deferrable=False,
        pools=True,
        pipelines=Path("elsewhere"),
    )


@pytest.mark.parametrize("root", [None, "", "bucket", "s3://"])
def test_a_missing_bucket_is_named_with_an_example(root):
    environ = {} if root is None else {"BATCH_TRANSFORM_S3_URI": root}
    with pytest.raises(SettingsError, match="BATCH_TRANSFORM_S3_URI is .* s3://my-bucket"):
        Deployment.from_environ(environ)


@pytest.mark.parametrize("seconds", ["0", "-1", "1.5", "soon", ""])
def test_a_bad_number_is_named(seconds):
    with pytest.raises(SettingsError, match="BATCH_TRANSFORM_POLL_SECONDS is .* above 0"):
        Deployment.from_environ({**REQUIRED, "BATCH_TRANSFORM_POLL_SECONDS": seconds})


@pytest.mark.parametrize("name", ["BATCH_TRANSFORM_DEFERRABLE", "BATCH_TRANSFORM_POOLS"])
def test_what_is_neither_true_nor_false_is_named(name):
    with pytest.raises(SettingsError, match=f"{name} is 'maybe'; set it to true or false"):
        Deployment.from_environ({**REQUIRED, name: "maybe"})
