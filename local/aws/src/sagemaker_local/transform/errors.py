"""What the API answers instead of a result.

ApiError
├── ValidationException          the request breaks a bound or a rule
├── SerializationException       the body is not JSON, or a member has the wrong type
├── UnknownOperationException    there is no such operation
├── ThrottlingException          too many calls
├── ResourceInUse                the name is taken, for ever
├── ResourceNotFound             there is no such job
├── ResourceLimitExceeded        the account's quota of instances
└── InternalFailure              injected through /_local/faults
"""

from __future__ import annotations


class ApiError(Exception):
    """An error of the API; the class name is its code."""

    status = 400

    @property
    def code(self) -> str:
        """The code clients see."""
        return type(self).__name__

    @property
    def message(self) -> str:
        """The text clients see."""
        return str(self.args[0])


class ValidationException(ApiError):
    """The request breaks a bound or a rule."""


class SerializationException(ApiError):
    """The body is not JSON, or a member has the wrong type."""


class UnknownOperationException(ApiError):
    """There is no such operation."""


class ThrottlingException(ApiError):
    """Too many calls."""


class ResourceInUse(ApiError):
    """The name is taken."""


class ResourceNotFound(ApiError):
    """There is no such job."""


class ResourceLimitExceeded(ApiError):
    """The account's quota of instances is used up."""


class InternalFailure(ApiError):
    """The service broke."""

    status = 500
