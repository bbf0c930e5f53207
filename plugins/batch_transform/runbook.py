"""What a person on call reads in the UI beside a pipeline's runs."""

from __future__ import annotations

from batch_transform.scoring.pipeline import Pipeline

_TEXT = """\
{description}

**What a run does.** It scores one partition, a calendar day in {timezone}: `extract` writes the
day's rows as {format} shards to S3,{joining} `build_manifest` lists them, `transform` starts the
transform job with model `{model}` and follows it, `wait` proves its outputs whole, `recover` sends
again what has no output, down to the single bad record, `load` replaces the partition in `{table}`
in one transaction.

**To score a day by hand:** trigger, and fill in *Partition*. **To score many:** create a backfill;
from and to are the first and the last day, with the UI's clock on UTC or on {timezone}. The id of a
run says when it fired, which is the day after its partition; the logical date is the partition. A
day whose data have not changed costs no second job; *Force a new job* asks for one all the same.

**When a task fails**

- `extract`: the log names the row and column that cannot be written, or the columns that differ.
{join_failing}- `build_manifest`: shards are missing in S3; clear `extract`.
- `transform`: it starts the job, or attaches to the one that has the same content, model and
  settings, and follows it to its end; the log names the job, shows the service's refusal or the
  job's FailureReason, and the last lines of the job's own log (CloudWatch, log group
  `/aws/sagemaker/TransformJobs`). Clear it once the cause is mended: a job that runs or has
  completed is attached to and costs nothing more; one that failed or was stopped is followed by
  the next generation, `-g2`. Marking or clearing it while it runs stops the job, unless its next
  attempt attaches within seconds.
- `wait`: it lets through only a job that is Completed with an output for each shard, or one that
  failed for some of them, which `recover` then looks after; the log says what is not so. Clear
  `transform`, which then starts the next generation.
- `recover`: too many records are bad, or another limit is hit; the log names what is known of them.
  Nothing was loaded. Clear `transform` once the model is mended, or raise `limits` and clear
  `recover`, which pays for no job twice.
- `load`: nothing was changed in `{table}`; the log names the shard whose output is not whole.

Records without a prediction are listed in the table `batch_transform_quarantine` beside `{table}`.
Once the model is mended, trigger the partition with *Send quarantined records again*.

Owner: {owner}. Settings: `include/pipelines/{name}/pipeline.yaml`.
"""

_JOINING = " in {count} slices of the ids at once, `join_slices` makes one extract of them,"
_JOIN_FAILING = """\
  Clear the slice that failed; the others stay as they are.
- `join_slices`: slices differ in a column's kind, which a cast in the query cures, or their shards
  are missing in S3 or `pipeline.yaml` was changed between them; then clear all of `extract`.
"""


def runbook(pipeline: Pipeline) -> str:
    """Write the DAG's documentation page."""
    spec = pipeline.settings
    count = spec.extract.count
    return _TEXT.format(
        name=pipeline.name,
        description=spec.description,
        owner=spec.owner,
        timezone=spec.schedule.timezone,
        format=spec.record.format,
        model=spec.model.label,
        table=spec.target.table,
        joining=_JOINING.format(count=count) if count > 1 else "",
        join_failing=_JOIN_FAILING if count > 1 else "",
    )
