"""What differs between deployments; the only module that reads the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from batch_transform.scoring.errors import SettingsError
from batch_transform.scoring.names import S3Uri


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """Settings of one deployment.

    Attributes:
        root: the S3 bucket and prefix below which every run keeps its objects.
        aws_conn_id: the Airflow connection with credentials, region and, on a laptop, the endpoint.
        poll_seconds: longest pause between two looks at a transform job.
        deferrable: whether the triggerer watches jobs; else the tasks look now and then.
        pools: whether the transform task takes slots of the pool of its instance type.
        pipelines: the folder of the pipelines, in place of the one that a DAG file names.
    """

    root: S3Uri
    aws_conn_id: str = "aws_default"
    poll_seconds: int = 60
    deferrable: bool = True
    pools: bool = False
    pipelines: Path | None = None

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
            pools=_flag(environ, "BATCH_TRANSFORM_POOLS", cls.pools),
            pipelines=Path(folder)
            if (folder := environ.get("BATCH_TRANSFORM_PIPELINES"))
            else None,
        )


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
