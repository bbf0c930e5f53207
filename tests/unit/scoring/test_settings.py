from datetime import timedelta
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
        "BATCH_TRANSFORM_PRICES": "ml.m5.large=0.115, ml.c5.xlarge=0.204",
    }
    assert Deployment.from_environ(environ) == Deployment(
        root=S3Uri("bucket", "runs"),
        aws_conn_id="aws_scoring",
        poll_seconds=5,
        deferrable=False,
        pools=True,
        pipelines=Path("elsewhere"),
        prices={"ml.m5.large": 0.115, "ml.c5.xlarge": 0.204},
    )


def test_prices_may_be_json():
    environ = {**REQUIRED, "BATCH_TRANSFORM_PRICES": ' {"ml.m5.large": 0.115}'}
    assert Deployment.from_environ(environ).prices == {"ml.m5.large": 0.115}


@pytest.mark.parametrize(
    "text",
    ["ml.m5.large", "ml.m5.large=cheap", "=1", "a=-1", "a=nan", "a=1=2", "{", '{"a": [1]}'],
)
def test_prices_that_are_none_are_refused_with_an_example(text):
    with pytest.raises(SettingsError, match=r"BATCH_TRANSFORM_PRICES is .*ml\.m5\.large=0\.115"):
        Deployment.from_environ({**REQUIRED, "BATCH_TRANSFORM_PRICES": text})


@pytest.mark.parametrize(
    ("root", "why"),
    [
        (None, "it does not begin with s3://"),
        ("", "it does not begin with s3://"),
        ("bucket/runs", "it does not begin with s3://"),
        ("s3://", "has 3 to 63 characters, and '' has 0"),
        ("s3://b/runs", "has 3 to 63 characters, and 'b' has 1"),
        ("s3://My_Bucket/runs", "a letter or digit at both ends, unlike 'My_Bucket'"),
        ("s3://-bucket", "a letter or digit at both ends, unlike '-bucket'"),
    ],
)
def test_what_is_wrong_with_the_bucket_is_said_with_an_example(root, why):
    environ = {} if root is None else {"BATCH_TRANSFORM_S3_URI": root}
    with pytest.raises(SettingsError) as refusal:
        Deployment.from_environ(environ)
    assert str(refusal.value).startswith("BATCH_TRANSFORM_S3_URI: ")
    assert why in str(refusal.value)
    assert "for example s3://my-bucket" in str(refusal.value)


@pytest.mark.parametrize("seconds", ["0", "-1", "1.5", "soon", ""])
def test_a_bad_number_is_named(seconds):
    with pytest.raises(SettingsError, match="BATCH_TRANSFORM_POLL_SECONDS is .* above 0"):
        Deployment.from_environ({**REQUIRED, "BATCH_TRANSFORM_POLL_SECONDS": seconds})


@pytest.mark.parametrize("name", ["BATCH_TRANSFORM_DEFERRABLE", "BATCH_TRANSFORM_POOLS"])
def test_what_is_neither_true_nor_false_is_named(name):
    with pytest.raises(SettingsError, match=f"{name} is 'maybe'; set it to true or false"):
        Deployment.from_environ({**REQUIRED, name: "maybe"})


def test_what_runs_left_is_kept_for_days_by_its_kind():
    environ = {**REQUIRED, "BATCH_TRANSFORM_KEEP_DAYS": "inputs=30, quarantine=365"}
    kept = {"inputs": timedelta(days=30), "quarantine": timedelta(days=365)}
    assert Deployment.from_environ(environ).keep == kept


@pytest.mark.parametrize(
    "text", ["inputs", "inputs=a month", "inputs=1.5", "inputs=0", "inputs=36500", "logs=30"]
)
def test_days_that_are_none_are_refused_with_an_example(text):
    with pytest.raises(SettingsError, match=r"KEEP_DAYS is .*: inputs=30,outputs=90,quarantine"):
        Deployment.from_environ({**REQUIRED, "BATCH_TRANSFORM_KEEP_DAYS": text})
