"""What AWS says went wrong, as errors of this package: one table for each place it says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from batch_transform.scoring.errors import (
    CapacityShort,
    JobFailed,
    JobMissing,
    NameTaken,
    RequestRefused,
    ScoringError,
    ServiceBroken,
    Transient,
    Unreachable,
)

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html, and the errors of
# CreateTransformJob. A code that is not here is a refusal: trying again would not cure it.
_OF_CODES: dict[str, type[ScoringError]] = {
    "ResourceInUse": NameTaken,
    "ResourceLimitExceeded": CapacityShort,
    "ResourceNotFound": JobMissing,
    "InternalFailure": ServiceBroken,
    "InternalServerError": ServiceBroken,
    "InternalServiceException": ServiceBroken,
    "ServiceUnavailable": ServiceBroken,
    "ServiceUnavailableException": ServiceBroken,
    "ThrottlingException": Unreachable,
    "Throttling": Unreachable,
    "ThrottledException": Unreachable,
    "RequestLimitExceeded": Unreachable,
    "RequestThrottled": Unreachable,
    "TooManyRequestsException": Unreachable,
    "SlowDown": Unreachable,
}
# Endpoints differ: some put a missing or a doubled job into a ValidationException.
_OF_VALIDATION_TEXTS: tuple[tuple[re.Pattern[str], type[ScoringError]], ...] = (
    (re.compile(r"Could not find .*job|Requested resource not found"), JobMissing),
    (re.compile(r"already exist|must be unique|existing (transform )?job"), NameTaken),
)
# https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-errors.html: a FailureReason
# begins with one of these. What is not here (ClientError, AlgorithmError …) would fail again.
_OF_REASONS: dict[str, type[Transient]] = {
    "CapacityError": CapacityShort,
    "InternalServerError": ServiceBroken,
}


@contextmanager
def translated() -> Iterator[None]:
    """Turn what boto3 raises into errors of this package."""
    try:
        yield
    except ClientError as error:
        raise _of_client_error(error) from error
    except (NoConnectionError, HTTPClientError) as error:
        raise Unreachable(f"AWS cannot be reached: {error}") from error


def of_reason(reason: str) -> type[ScoringError]:
    """Return the error that a Failed job's FailureReason stands for."""
    for prefix, kind in _OF_REASONS.items():
        if reason.lstrip().startswith(prefix):
            return kind
    return JobFailed


def _of_client_error(error: ClientError) -> ScoringError:
    details = error.response.get("Error", {})
    code, message = details.get("Code", ""), details.get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    text = f"{error.operation_name}: {code}: {message}"
    if code == "ValidationException":
        for pattern, kind in _OF_VALIDATION_TEXTS:
            if pattern.search(message):
                return kind(text)
    default = ServiceBroken if status >= 500 else RequestRefused
    return _OF_CODES.get(code, default)(text)
