"""What a person may ask of a run: the fields of the trigger form.

https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/params.html
"""

from __future__ import annotations

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
        "Publishes a partition that a check has blocked. Its outputs are read again; no new"
        " transform job is started for the same data.",
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


def is_asked(context: Context, flag: str) -> bool:
    """Tell whether a run was asked for something."""
    return bool(context["params"].get(flag, False))
