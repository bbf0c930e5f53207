"""Links from a task: to its run's report, and to what its transform job is and leaves in AWS.

Airflow asks for them whenever a task has run in a worker: after it has failed, or let go of its
worker while the job runs, as well.
https://airflow.apache.org/docs/apache-airflow/stable/howto/define-extra-link.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, quote_plus, urljoin

from airflow.providers.amazon.aws.links.base_aws import BASE_AWS_CONSOLE_LINK, BaseAwsLink
from airflow.providers.amazon.aws.links.sagemaker import SageMakerTransformJobLink
from airflow.sdk import BaseOperator, BaseOperatorLink, Context
from airflow.sdk.configuration import conf

from batch_transform.scoring.jobs.logs import LOG_GROUP
from batch_transform.scoring.jobs.service import Job
from batch_transform.scoring.names import S3Uri

RUN_TAB = "batch-transform-report"  # url_route of the report in Airflow's page of a run


class ReportLink(BaseOperatorLink):
    """The run's report, in Airflow's page of the run."""

    name = "Report"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Return the link."""
        base = conf.get("api", "base_url", fallback="http://localhost:8080/")
        # As Airflow spells its own addresses, or it would not mark the tab as the one it shows.
        run = f"dags/{quote(ti_key.dag_id)}/runs/{quote(ti_key.run_id, safe=':+')}"
        return urljoin(f"{base.rstrip('/')}/", f"{run}/plugin/{RUN_TAB}")


class JobLogsLink(BaseOperatorLink):
    """The logs of the transform job."""

    name = "CloudWatch logs"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Return the link; empty where the task has no job."""
        job = job_of(operator)
        if job is None:
            return ""
        # The console decodes what follows the # twice, with $ for %.
        group = quote_plus(quote_plus(LOG_GROUP)).replace("%", "$")
        found = f"$3FlogStreamNameFilter$3D{quote_plus(job.name)}"
        return _console(job, "cloudwatch") + f"#logsV2:log-groups/log-group/{group}{found}"


class ManifestLink(BaseOperatorLink):
    """What the transform job reads."""

    name = "Manifest"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Return the link; empty where the task has no job."""
        job = job_of(operator)
        return _in_s3(job, "object", S3Uri.parse(job.manifest)) if job else ""


class OutputsLink(BaseOperatorLink):
    """What the transform job has written."""

    name = "Outputs"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Return the link; empty where the task has no job."""
        job = job_of(operator)
        return f"{_in_s3(job, 'buckets', job.output)}/" if job else ""


REPORT_LINKS = (ReportLink(),)
JOB_LINKS = (
    ReportLink(),
    SageMakerTransformJobLink(),
    JobLogsLink(),
    ManifestLink(),
    OutputsLink(),
)


def show_job(operator: BaseOperator, context: Context, job: Job) -> None:
    """Let the links of a task lead to its job: those of ours, and the provider's."""
    operator.linked_job = job
    partition, region = _place(job)
    SageMakerTransformJobLink.persist(
        context=context,
        operator=operator,
        region_name=region,
        aws_partition=partition,
        job_name=job.name,
    )


def job_of(operator: BaseOperator) -> Job | None:
    """Return the job that a task has shown in this process."""
    return getattr(operator, "linked_job", None)


def _place(job: Job) -> tuple[str, str]:
    """Read partition and region of AWS: ``arn:aws:sagemaker:us-east-1:…``."""
    _, partition, _, region, *_ = job.arn.split(":")
    return partition, region


def _console(job: Job, service: str) -> str:
    partition, region = _place(job)
    base = BASE_AWS_CONSOLE_LINK.format(aws_domain=BaseAwsLink.get_aws_domain(partition))
    return f"{base}/{service}/home?region={region}"


def _in_s3(job: Job, kind: str, uri: S3Uri) -> str:
    place = _console(job, "s3").replace("/home?", f"/{kind}/{uri.bucket}?")
    return f"{place}&prefix={quote(uri.key)}"
