"""Every error this package raises on purpose.

ScoringError
├── ConfigurationError          a person must change a file or a setting
│   ├── SettingsError           the deployment's environment
│   ├── PipelineInvalid         a pipeline folder
│   ├── TargetMismatch          the target's columns or partitions are not those declared
│   ├── AccessRefused           neither credentials, nor what they may do, are taken
│   ├── TargetTaken             the partition belongs to another pipeline
│   ├── RunRefused              a run was asked for what cannot be had
│   ├── OverCost                a run is expected to cost more than it may
│   └── RequestRefused          SageMaker would refuse, or refused, the request
├── PartitionError              the run does not say which day to score, or that day is not over
├── DataError                   what was read is not what was promised
│   ├── SourceLate              the source's rows, or files, have not come in time
│   ├── SourceError             source rows that cannot become records
│   ├── ObjectMissing           an object that the run left in S3 is gone
│   ├── ObjectDamaged           an object that the run left in S3 is not what was written
│   ├── ManifestError           shards in S3 differ from the index
│   ├── OutputError             predictions missing, surplus, or not as declared
│   ├── Superseded              a newer load is in force than the one to be replaced or added to
│   ├── TargetRefused           the database refuses the rows
│   ├── LimitHit                records have no prediction, and no more is tried
│   └── PartitionBlocked        a check before publishing says no
├── JobError                    a transform job did not do what was asked of it
│   ├── NameTaken               a job of that name exists; handled where jobs are started
│   ├── JobConflict             a job of that name does something else
│   ├── JobMissing              there is no job of that name
│   ├── JobFailed               it ended Failed, and would again
│   ├── JobStopped              somebody stopped it
│   ├── DeadlinePassed          it was stopped because its time was up
│   └── UnknownStatus           it is in a status that this package does not know
└── Transient                   cured by waiting
    ├── SourceChanged           files of the source were replaced while they were read
    ├── CapacityShort           no instance to be had: the account's limit, or the service's stock
    ├── ServiceBroken           the service failed
    ├── TargetLocked            others hold the target, and readers are not kept waiting longer
    ├── DiskFull                no room on the worker's disk
    └── Unreachable             too many calls, or the network

Only what is Transient is cured by trying again with the same input. The operators turn every other
error into Airflow's ``AirflowFailException``; errors of the network or the database are left as
they are, and Airflow retries them.
"""

from __future__ import annotations

from collections.abc import Sequence


class ScoringError(Exception):
    """Root of the tree."""

    @property
    def page(self) -> str:
        """Where the documentation says what to do: a section for each kind of error."""
        return f"docs/operating.md#{type(self).__name__.lower()}"


class ConfigurationError(ScoringError):
    """A person must change a file or a setting."""


class SettingsError(ConfigurationError):
    """An environment variable of the deployment is missing or wrong."""


class PipelineInvalid(ConfigurationError):
    """A pipeline folder cannot become a DAG.

    Attributes:
        pipeline: the folder's name.
        problems: one line each, with file, line number and what is allowed.
    """

    def __init__(self, pipeline: str, problems: Sequence[str]) -> None:
        """Keep the facts; the message lists every problem."""
        self.pipeline = pipeline
        self.problems = tuple(problems)
        listed = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"Pipeline {pipeline!r} is not valid:\n{listed}")


class TargetMismatch(ConfigurationError):
    """The target's columns or partitions are not those that pipeline.yaml declares."""


class AccessRefused(ConfigurationError):
    """AWS, or Snowflake, does not take the credentials, or does not allow what was asked."""


class TargetTaken(ConfigurationError):
    """The partition belongs to another pipeline."""


class RunRefused(ConfigurationError):
    """A run was asked for what cannot be had: an unknown parameter, or a contradiction."""


class OverCost(ConfigurationError):
    """A run is expected to cost more than it may, and nobody has approved of it."""


class RequestRefused(ConfigurationError):
    """SageMaker would refuse the request, or has refused it."""


class PartitionError(ScoringError):
    """The run does not say which day to score, or that day is not over."""


class DataError(ScoringError):
    """What was read is not what was promised."""


class SourceLate(DataError):
    """The source's rows, or files, have not come in the time that they were given."""


class SourceError(DataError):
    """Source rows that cannot become records."""


class ObjectMissing(DataError):
    """An object that the run left in S3 is gone."""


class ObjectDamaged(DataError):
    """An object that the run left in S3 is not what was written."""


class ManifestError(DataError):
    """The shards in S3 differ from what the extract recorded."""


class OutputError(DataError):
    """Predictions are missing, surplus, or not as declared."""


class Superseded(DataError):
    """A newer load is in force than the one that this one would replace, or add rows to."""


class TargetRefused(DataError):
    """The database refuses the rows: a constraint, a privilege, or a limit of its own."""


class LimitHit(DataError):
    """Records have no prediction, and a limit of the pipeline ends the search for the bad ones."""


class PartitionBlocked(DataError):
    """A check before publishing says no; nothing was published, and the outputs stay."""


class JobError(ScoringError):
    """A transform job did not do what was asked of it."""


class NameTaken(JobError):
    """A transform job of that name exists."""


class JobConflict(JobError):
    """A transform job of that name does something else."""


class JobMissing(JobError):
    """There is no transform job of that name."""


class JobFailed(JobError):
    """The transform job ended Failed for a reason that trying again would not cure."""


class JobStopped(JobError):
    """Somebody stopped the transform job."""


class DeadlinePassed(JobError):
    """The transform job was not over in time, and was stopped."""


class UnknownStatus(JobError):
    """The transform job is in a status that this package does not know."""


class Transient(ScoringError):
    """Cured by waiting.

    Attributes:
        retry_seconds: how long to wait at least before the first retry.
    """

    retry_seconds = 30


class SourceChanged(Transient):
    """Files of the source were replaced or deleted while they were read."""


class CapacityShort(Transient):
    """There was no instance: the account's limit is reached, or the service has none left."""

    retry_seconds = 300


class ServiceBroken(Transient):
    """The service failed for no reason of ours."""

    retry_seconds = 60


class TargetLocked(Transient):
    """Others hold the target, and its readers are not to be kept waiting any longer."""


class DiskFull(Transient):
    """The worker's disk has no room; another worker, or a later try, may have."""


class Unreachable(Transient):
    """Too many calls, or no answer."""
