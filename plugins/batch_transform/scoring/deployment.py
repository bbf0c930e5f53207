"""What differs between deployments; the only module that reads the environment."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from batch_transform.scoring.errors import SettingsError
from batch_transform.scoring.names import BULK_KINDS, S3Uri

_PRICES = (
    "BATCH_TRANSFORM_PRICES is {text!r}; set it to USD for an instance hour, by instance type:"
    " ml.m5.large=0.115,ml.c5.xlarge=0.204"
)
_KEEP = (
    "BATCH_TRANSFORM_KEEP_DAYS is {text!r}; set it to whole days for each kind that is to be"
    " deleted some day: inputs=30,outputs=90,quarantine=365"
)


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """Settings of one deployment.

    Attributes:
        root: the S3 bucket and prefix below which every run keeps its objects.
        aws_conn_id: the Airflow connection with credentials, region and, on a laptop, the endpoint.
        poll_seconds: longest pause between two looks at a transform job.
        deferrable: whether the triggerer watches jobs; else the tasks look now and then.
        follow_logs: whether a container's new log lines are shown with each look at its job.
        pools: whether the transform task takes slots of the pool of its instance type.
        pipelines: the folder of the pipelines, in place of the one that a DAG file names.
        prices: USD for an instance hour of transform jobs, by instance type.
        keep: how long what runs left is kept, by its kind; what is not named is kept for ever.
    """

    root: S3Uri
    aws_conn_id: str = "aws_default"
    poll_seconds: int = 60
    deferrable: bool = True
    follow_logs: bool = False
    pools: bool = False
    pipelines: Path | None = None
    prices: Mapping[str, float] = field(default_factory=dict)
    keep: Mapping[str, timedelta] = field(default_factory=dict)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Deployment:
        """Read ``BATCH_TRANSFORM_*`` variables.

        Raises:
            SettingsError: a variable is missing or cannot be read; the message names it.
        """
        root = environ.get("BATCH_TRANSFORM_S3_URI", "")
        try:
            parsed_root = S3Uri.parse(root)
        except ValueError as error:
            raise SettingsError(
                f"BATCH_TRANSFORM_S3_URI: {error}. Set it to the bucket and prefix for the runs'"
                " objects, for example s3://my-bucket/batch-transform"
            ) from error
        return cls(
            root=parsed_root,
            aws_conn_id=environ.get("BATCH_TRANSFORM_AWS_CONN_ID", cls.aws_conn_id),
            poll_seconds=_positive_int(environ, "BATCH_TRANSFORM_POLL_SECONDS", cls.poll_seconds),
            deferrable=_flag(environ, "BATCH_TRANSFORM_DEFERRABLE", cls.deferrable),
            follow_logs=_flag(environ, "BATCH_TRANSFORM_FOLLOW_LOGS", cls.follow_logs),
            pools=_flag(environ, "BATCH_TRANSFORM_POOLS", cls.pools),
            pipelines=Path(folder)
            if (folder := environ.get("BATCH_TRANSFORM_PIPELINES"))
            else None,
            prices=_prices(environ.get("BATCH_TRANSFORM_PRICES", "")),
            keep=_keep(environ.get("BATCH_TRANSFORM_KEEP_DAYS", "")),
        )


def _prices(text: str) -> dict[str, float]:
    try:
        listed = json.loads(text) if text.lstrip().startswith("{") else _pairs(text)
        prices = {str(kind).strip(): float(price) for kind, price in listed.items()}
    except (TypeError, ValueError) as error:
        raise SettingsError(_PRICES.format(text=text)) from error
    if not all(kind and math.isfinite(price) and price >= 0 for kind, price in prices.items()):
        raise SettingsError(_PRICES.format(text=text))
    return prices


def _pairs(text: str) -> dict[str, str]:
    return dict(each.split("=") for each in text.split(",") if each.strip())


def _keep(text: str) -> dict[str, timedelta]:
    try:
        days = {kind.strip(): int(each) for kind, each in _pairs(text).items()}
    except ValueError as error:
        raise SettingsError(_KEEP.format(text=text)) from error
    if not days.keys() <= set(BULK_KINDS) or not all(0 < each < 36500 for each in days.values()):
        raise SettingsError(_KEEP.format(text=text))
    return {kind: timedelta(days=each) for kind, each in days.items()}


def _positive_int(environ: Mapping[str, str], key: str, default: int) -> int:
    text = environ.get(key, str(default))
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise SettingsError(f"{key} is {text!r}; set it to a whole number above 0")
    return int(text)


def _flag(environ: Mapping[str, str], key: str, default: bool) -> bool:
    text = environ.get(key, str(default)).lower()
    if text not in ("true", "false"):
        raise SettingsError(f"{key} is {text!r}; set it to true or false")
    return text == "true"
