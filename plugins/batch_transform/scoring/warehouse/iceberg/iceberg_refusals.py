"""What a catalog, or the store of its files, refuses, as errors of this package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pyiceberg.exceptions import (
    AuthorizationExpiredError,
    ForbiddenError,
    NoSuchNamespaceError,
    RESTError,
    UnauthorizedError,
)
from requests import RequestException
from sqlalchemy.exc import OperationalError, ProgrammingError

from batch_transform.scoring.aws.codes import translated
from batch_transform.scoring.errors import TargetRefused, Unreachable
from batch_transform.scoring.pipeline import Target

_REFUSED = (ForbiddenError, UnauthorizedError, AuthorizationExpiredError, ProgrammingError)
_NO_ANSWER = (RESTError, RequestException, OperationalError)
_OF_S3 = "AWS Error"  # Arrow's words, in an OSError
_DENIED = ("ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH")


@contextmanager
def refusals(target: Target) -> Iterator[None]:
    """Turn what pyiceberg says into errors of this package."""
    try:
        with translated():
            yield
    except NoSuchNamespaceError as error:
        namespace = target.table.rpartition(".")[0]
        raise TargetRefused(
            f"The catalog has no namespace {namespace}, and none is made; create it, or name"
            f" another in target.table, which is {target.table}"
        ) from error
    except _REFUSED as error:
        raise _denied(target, error) from error
    except _NO_ANSWER as error:
        raise Unreachable(f"The catalog of {target.table} gives no answer: {error}") from error
    except OSError as error:
        if _OF_S3 not in str(error):
            raise
        if any(word in str(error) for word in _DENIED):
            raise _denied(target, error) from error
        raise Unreachable(f"S3 gives no answer about {target.table}: {error}") from error


def _denied(target: Target, error: Exception) -> TargetRefused:
    return TargetRefused(
        f"The connection may not do what a load of {target.table} does; docs/iceberg.md lists the"
        f" grants. It said: {error}"
    )
