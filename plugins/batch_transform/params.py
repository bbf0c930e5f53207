"""What a person may ask of a run: the fields of the trigger form.

https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/params.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from typing import Any

from airflow.sdk import Context, Param

PARTITION = "partition"
FORCE = "force_rerun"
RESUBMIT = "resubmit"
PUBLISH = "publish_blocked"

# name: title, description
_FLAGS = {
    FORCE: (
        "Force a new job",
        "Start, and pay for, another transform job even where one with the same content, model and"
        " settings is running or has completed.",
    ),
    RESUBMIT: (
        "Send quarantined records again",
        "Takes the records that the partition keeps in quarantine, and those alone, through the"
        " pipeline again, and adds their rows to the partition. For when the model is mended.",
    ),
    PUBLISH: (
        "Publish whatever the checks say",
        "Publishes a partition that a check has blocked, or whose data in force are of a later"
        " extract or another pipeline. Its outputs are read again; no new transform job is started"
        " for the same data.",
    ),
}


def run_params() -> dict[str, Param]:
    """Return the parameters of a run; each DAG has its own, since a Param keeps state."""
    partition = Param(
        None,
        type=["null", "string"],
        format="date",
        title="Partition",
        description_md="The day to score. Empty: the run's own date; where that day is not over,"
        " the last whole day. Leave it empty in a backfill, whose runs have their own dates.",
    )
    flags = {
        name: Param(False, type="boolean", title=title, description_md=description)
        for name, (title, description) in _FLAGS.items()
    }
    return {PARTITION: partition, **flags}


def problems(conf: Mapping[str, Any], others: Collection[str] | None = ()) -> list[str]:
    """Say what is wrong with the configuration of a run, as it was given.

    Airflow takes a key that no parameter has, such as ``Partition``, and says nothing.

    Args:
        conf: of the run.
        others: further parameters of the DAG; None where it may have any, as a DAG of one's own
            may: then a key is wrong only if one of ours is meant.
    """
    return [problem for name, value in conf.items() for problem in _wrong(name, value, others)]


def _wrong(name: str, value: Any, others: Collection[str] | None) -> Iterator[str]:
    known = [PARTITION, *_FLAGS]
    if name in known:
        if name in _FLAGS and not isinstance(value, bool):
            yield f"{name} is {value!r}; give true or false"
        if name == PARTITION and value is not None and not _is_day(value):
            yield f"{name} is {value!r}; give the day to score as YYYY-MM-DD, such as 2013-06-01"
    elif others is None or name not in others:
        meant = get_close_matches(name.lower().replace("-", "_"), known, n=1, cutoff=0.7)
        if meant:
            yield f"{name!r} is no parameter of a run; did you mean {meant[0]}?"
        elif others is not None:
            there_are = ", ".join(dict.fromkeys([*known, *others]))
            yield f"{name!r} is no parameter of a run; there are {there_are}"


def _is_day(value: Any) -> bool:
    try:
        return len(value) == len("2013-06-01") and bool(date.fromisoformat(value))
    except (TypeError, ValueError):
        return False


def is_asked(context: Context, flag: str) -> bool:
    """Tell whether a flag of a run is set."""
    return bool(context["params"].get(flag, False))
