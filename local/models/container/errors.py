"""What the container program refuses, and the HTTP status each refusal has.

ContainerError
├── SettingsError            the environment or the command line makes no sense
├── ModelUnusableError       the archive has no working code/inference.py
└── RequestRefusedError      one request; the client is told the message
    ├── BadRecordError           400  a record the model cannot take; names the line
    ├── NotAcceptableError       406  no such reply format
    ├── PayloadTooLargeError     413  more than the container says it takes
    ├── UnsupportedContentError  415  no such request format, or bytes that are not in it
    ├── ModelFailedError         500  the model itself broke; the log has the traceback
    └── ModelNotLoadedError      503  asked too early
"""


class ContainerError(Exception):
    """The container program cannot do what is asked."""


class SettingsError(ContainerError):
    """The environment or the command line makes no sense."""


class ModelUnusableError(ContainerError):
    """The archive has no working code/inference.py."""


class RequestRefusedError(ContainerError):
    """One request cannot be answered; `status` is what HTTP calls that."""

    status: int


class BadRecordError(RequestRefusedError):
    """A record the model cannot take."""

    status = 400


class NotAcceptableError(RequestRefusedError):
    """The client wants a reply format that there is none of."""

    status = 406


class PayloadTooLargeError(RequestRefusedError):
    """The request is larger than the container says it takes."""

    status = 413


class UnsupportedContentError(RequestRefusedError):
    """The request is in no known format, or its bytes are not in the format it claims."""

    status = 415


class ModelFailedError(RequestRefusedError):
    """The model broke on records that look right."""

    status = 500


class ModelNotLoadedError(RequestRefusedError):
    """The request came before the model was loaded."""

    status = 503
