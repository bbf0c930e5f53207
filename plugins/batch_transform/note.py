"""What the note of a run says, in Airflow's runs and on the run's page: its day, and its result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from batch_transform.scoring.planning.effort import usd

_SEPARATOR = " · "


def result(label: str, returned: Mapping[str, Any], failed: Sequence[str]) -> str:
    """Say how a run went: ``2013-06-04 · 960 rows · mean 0.166 · 0 quarantined``.

    Args:
        label: the partition's; empty where the run names none.
        returned: what the run's tasks returned, by the names that they give it; what is missing is
            not said.
        failed: ids of the tasks that failed.
    """
    facts = _failure(failed) if failed else _facts(returned)
    return _SEPARATOR.join(filter(None, [label, *facts]))


def _failure(failed: Sequence[str]) -> Iterator[str]:
    yield f"failed in {', '.join(task_id.rpartition('.')[2] for task_id in failed)}"


def _facts(returned: Mapping[str, Any]) -> Iterator[str]:
    if "quarantined" not in returned:
        yield "planned"
        if returned.get("rows") is not None:
            yield f"about {returned['rows']:,} rows"
        return
    if not returned.get("published", True):
        yield "compared, not published"
    yield f"{returned['rows']:,} rows"
    means = [mean for mean in (returned.get("means") or {}).values() if mean is not None]
    if means:
        yield f"mean {means[0]:.3g}"
    yield f"{returned['quarantined']:,} quarantined"
    jobs = returned.get("jobs_started")
    if jobs is not None:
        yield f"{jobs} job{'' if jobs == 1 else 's'} started"
    if returned.get("dollars") is not None:
        yield f"${usd(returned['dollars'])}"
