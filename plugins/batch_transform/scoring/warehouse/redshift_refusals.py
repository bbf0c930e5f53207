"""What Redshift refuses, as errors of this package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from batch_transform.scoring.aws.data_api import StatementFailed
from batch_transform.scoring.errors import TargetRefused, Unreachable
from batch_transform.scoring.pipeline import Target


@contextmanager
def refusals(target: Target) -> Iterator[None]:
    """Turn what Redshift says into errors of this package."""
    try:
        yield
    except StatementFailed as failed:
        said = f"nothing was changed. It said: {failed.words}"
        if failed.is_stopped:
            raise TargetRefused(
                f"Statement {failed.statement} was stopped by somebody; nothing was changed. Clear"
                " the task to load again"
            ) from failed
        if failed.passes:
            raise Unreachable(
                f"Redshift failed while {target.table} was loaded; {said}"
            ) from failed
        if "permission denied" in failed.words:
            raise TargetRefused(
                f"The user of Redshift lacks a privilege for {target.table}; docs/redshift.md lists"
                f" the grants; {said}"
            ) from failed
        raise TargetRefused(f"Redshift refuses to load {target.table}; {said}") from failed
