"""What a person on call reads in the UI beside a pipeline's runs."""

from __future__ import annotations

from batch_transform.scoring.pipeline import Pipeline
from batch_transform.tasks import tasks_of

_TEXT = """\
{description}

### What a run does
It scores one partition, a calendar day in {timezone}: {does}.

### To score a day by hand
Trigger, and fill in *Partition*. A day whose data have not changed costs no second job; *Force a
new job* asks for one all the same. Where the DAG is paused, *Unpause on trigger* would score the
last day that is due as well: take its tick away unless you want that.

### To score many
Create a backfill; from and to are the first and the last day, with the UI's clock on UTC or on
{timezone}. The id of a run says when it fired, which is the day after its partition; the logical
date is the partition.

### When a task fails
{on_failure}

### Records without a prediction
They are listed in the table `batch_transform_quarantine` beside `{table}`. Once the model is
mended, trigger the partition with *Send quarantined records again*.

Owner: {owner}. Settings: `{folder}/pipeline.yaml`.
"""


def runbook(pipeline: Pipeline) -> str:
    """Write the DAG's documentation page."""
    spec = pipeline.settings
    tasks = tasks_of(spec.extract.count, unloads=spec.unloads, groups=spec.load.groups)
    facts = {
        "format": spec.record.format,
        "model": spec.model.label,
        "slices": spec.extract.count,
        "groups": spec.load.groups,
        "table": spec.target.table,
    }
    does = ", ".join(f"`{task.task_id}` {task.does.format(**facts)}" for task in tasks)
    failures = [f"- `{task.task_id}`: {task.on_failure.format(**facts)}" for task in tasks]
    return _TEXT.format(
        description=spec.description,
        owner=spec.owner,
        timezone=spec.schedule.timezone,
        folder=pipeline.name,
        table=spec.target.table,
        does=does,
        on_failure="\n".join(failures),
    )
