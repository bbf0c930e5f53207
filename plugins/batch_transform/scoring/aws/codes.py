"""What AWS says went wrong, as errors of this package: one table for each place it says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as NoConnectionError

from batch_transform.scoring.errors import (
    AccessRefused,
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

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html,
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and the errors of
# CreateTransformJob. A code that is not here is a refusal: trying again would not cure it.
_ERRORS_BY_CODE: dict[str, type[ScoringError]] = {
    "ResourceInUse": NameTaken,
    "ResourceLimitExceeded": CapacityShort,
    "ResourceNotFound": JobMissing,
    **dict.fromkeys(
        (
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            "InternalServiceException",
            "ServiceUnavailable",
            "ServiceUnavailableException",
        ),
        ServiceBroken,
    ),
    **dict.fromkeys(
        (
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestTimeout",
            "SlowDown",
            "ThrottledException",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
        ),
        Unreachable,
    ),
    **dict.fromkeys(
        (
            "AccessDenied",
            "AccessDeniedException",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        AccessRefused,
    ),
}
# Endpoints differ: some put a missing job or a job that exists into a ValidationException. What is
# in quotes is a name, which may hold any word.
_ERRORS_BY_VALIDATION: tuple[tuple[re.Pattern[str], type[ScoringError]], ...] = (
    (re.compile(r"""Could not find [^"']*\bjob\b|Requested resource not found"""), JobMissing),
    (re.compile(r"already exist|must be unique|existing (transform )?job"), NameTaken),
)
# https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-errors.html: a FailureReason
# begins with one of these. What is not here (ClientError, AlgorithmError …) would fail again.
_ERRORS_BY_REASON: dict[str, type[Transient]] = {
    "CapacityError": CapacityShort,
    "InternalServerError": ServiceBroken,
}
_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)
_NO_ANSWER = (NoConnectionError, HTTPClientError, IncompleteReadError)


@contextmanager
def translated() -> Iterator[None]:
    """Turn what boto3 raises into errors of this package; every port to AWS is wrapped in it."""
    try:
        yield
    except ClientError as error:
        raise _of_client_error(error) from error
    except _NO_CREDENTIALS as error:
        raise AccessRefused(
            f"AWS cannot be asked: {error}. Check login, password and extra of the AWS connection"
        ) from error
    except ParamValidationError as error:
        raise RequestRefused(f"The request is not one that AWS takes: {error}") from error
    except _NO_ANSWER as error:
        raise Unreachable(f"AWS cannot be reached: {error}") from error


def of_reason(reason: str) -> type[ScoringError]:
    """Return the error that a Failed job's FailureReason stands for."""
    for prefix, kind in _ERRORS_BY_REASON.items():
        if reason.lstrip().startswith(prefix):
            return kind
    return JobFailed


def _of_client_error(error: ClientError) -> ScoringError:
    details = error.response.get("Error", {})
    code, message = details.get("Code", ""), details.get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    text = f"{error.operation_name}: {code}: {message}"
    if code == "ValidationException":
        for pattern, kind in _ERRORS_BY_VALIDATION:
            if pattern.search(message):
                return kind(text)
    kind = _ERRORS_BY_CODE.get(code, ServiceBroken if status >= 500 else RequestRefused)
    if kind is AccessRefused:
        text += "; check the AWS connection and the permissions of its role"
    return kind(text)
