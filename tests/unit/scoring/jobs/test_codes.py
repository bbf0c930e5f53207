"""What AWS says, in whichever way it says it, and the error it becomes."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from batch_transform.scoring import errors
from batch_transform.scoring.aws.codes import of_reason, translated

TEXTS = [
    # code, message, HTTP status, error
    ("ResourceInUse", "Job name must be unique", 400, errors.NameTaken),
    ("ValidationException", "Job name must be unique within an AWS account", 400, errors.NameTaken),
    ("ValidationException", "Cannot create already existing model", 400, errors.NameTaken),
    ("ResourceNotFound", "Requested resource not found.", 400, errors.JobMissing),
    ("ValidationException", "Could not find requested job with name: x", 400, errors.JobMissing),
    (
        "ValidationException",
        "Could not find transform job 'arn:x/model-1'.",
        400,
        errors.JobMissing,
    ),
    ("ValidationException", "Could not find model 'x'", 400, errors.RequestRefused),
    ("ValidationException", 'Could not find model "arn:model/job-1"', 400, errors.RequestRefused),
    ("InvalidAccessKeyId", "does not exist", 403, errors.AccessRefused),
    ("RequestTimeout", "Your socket connection timed out", 400, errors.Unreachable),
    ("ValidationException", "1 validation error detected", 400, errors.RequestRefused),
    ("AccessDeniedException", "is not authorized", 403, errors.AccessRefused),
    ("ResourceLimitExceeded", "The account-level service limit", 400, errors.CapacityShort),
    ("ThrottlingException", "Rate exceeded", 400, errors.Unreachable),
    ("SlowDown", "Please reduce your request rate", 503, errors.Unreachable),
    ("InternalFailure", "", 500, errors.ServiceBroken),
    ("SomethingNew", "", 502, errors.ServiceBroken),
    ("SomethingNew", "", 400, errors.RequestRefused),
]


@pytest.mark.parametrize(("code", "message", "status", "error"), TEXTS)
def test_a_code_becomes_its_error(code, message, status, error):
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    with pytest.raises(error) as raised, translated():
        raise ClientError(response, "CreateTransformJob")
    assert type(raised.value) is error
    assert str(raised.value).startswith(f"CreateTransformJob: {code}: {message}")


@pytest.mark.parametrize("kind", [EndpointConnectionError, ReadTimeoutError])
def test_a_broken_network_is_waited_out(kind):
    with pytest.raises(errors.Unreachable, match="AWS cannot be reached"), translated():
        raise kind(endpoint_url="https://nowhere")


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("CapacityError: Unable to provision", errors.CapacityShort),
        ("InternalServerError: We encountered", errors.ServiceBroken),
        ("ClientError: See job logs", errors.JobFailed),
        ("AlgorithmError: CapacityError in the container", errors.JobFailed),
        ("", errors.JobFailed),
    ],
)
def test_a_failure_is_retried_where_its_own_first_word_says_so(reason, error):
    assert of_reason(reason) is error
