"""The service's own S3, as services that read and write objects for others see it."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3


@cache
def client(endpoint_url: str, service: str) -> Any:
    """The one client of a service: to make another takes longer than a request."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=service,
        aws_secret_access_key=service,
    )
