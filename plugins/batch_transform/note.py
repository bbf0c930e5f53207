"""What the note of a run says, in Airflow's runs and on the run's page: its day, and its result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from batch_transform.scoring.planning.effort import usd

_SEPARATOR = " · "


def result(label: str, returned: Mapping[str, Any], failed: Iterable[str]) -> str:
    """Say how a pipeline's tasks went: ``2013-06-04 · 960 rows · mean 0.166 · 0 quarantined``.

    Args:
        label: the partition's; empty where the run names none.
        returned: what the tasks returned, by the names that they give it; what is missing is not
            said.
        failed: ids of those that failed.
    """
    facts = [_failure(failed)]
    if not any(facts):
        facts = [*_facts(returned)]
    return _SEPARATOR.join(filter(None, [label, *facts]))


def of_groups(said: Mapping[str, str], failed: Iterable[str] = ()) -> str:
    """Put together what is said of the pipelines of a run.

    Args:
        said: of each, by the id of its task group; that of the only one is not mentioned.
        failed: ids of tasks that failed and are of none of them.
    """
    lines = [*said.values()]
    if len(said) > 1:
        lines = [f"{group}: {text}" for group, text in said.items() if text]
    return _SEPARATOR.join(filter(None, ["; ".join(lines), _failure(failed)]))


def _failure(failed: Iterable[str]) -> str:
    names = ", ".join(task_id.rpartition(".")[2] for task_id in failed)
    return f"failed in {names}" if names else ""


def _facts(returned: Mapping[str, Any]) -> Iterator[str]:
    if not returned:  # no task has run
        return
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
