"""One day of an orchard, scored by the provider's operators, and by ours, on the same services.

The provider's are put together as their guides do: SqlToS3Operator, SageMakerTransformOperator,
SQLExecuteQueryOperator to delete the day, and an S3ToSqlOperator for each output.
https://airflow.apache.org/docs/apache-airflow-providers-amazon/stable/transfer/sql_to_s3.html
https://airflow.apache.org/docs/apache-airflow-providers-amazon/stable/operators/sagemaker.html
https://airflow.apache.org/docs/apache-airflow-providers-amazon/stable/transfer/s3_to_sql.html
"""

import csv
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

from airflow.providers.amazon.aws.operators.s3 import S3ListOperator
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTransformOperator
from airflow.providers.amazon.aws.transfers.s3_to_sql import S3ToSqlOperator
from airflow.providers.amazon.aws.transfers.sql_to_s3 import SqlToS3Operator
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

from batch_transform.operators.build_manifest import BuildManifestOperator
from batch_transform.operators.extract import ExtractOperator
from batch_transform.operators.load import LoadOperator
from batch_transform.operators.recover import RecoverOperator
from batch_transform.operators.transform import TransformOperator
from batch_transform.operators.wait import TransformSensor
from batch_transform.params import run_params
from batch_transform.scoring.deployment import Deployment
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline import Pipeline, PipelineFile
from batch_transform.scoring.testing import InMemoryMemory
from sagemaker_local.container import ModelHandler
from tests.unit.scoring.conftest import SETTINGS, merged

DAY = date(2013, 6, 1)
QUERY = "SELECT apple_id, weight, colour FROM orchard.apples WHERE picked_on = {}"
DAYS_QUERY = QUERY.format(f"'{DAY}'")
ROLE = "arn:aws:iam::123456789012:role/test"


class Model(ModelHandler):
    """Scores an apple by its weight; refuses one that is bad."""

    def do_POST(self):  # noqa: N802  # named by http.server
        lines = self.body().splitlines()
        if any(line.endswith(b"bad") for line in lines):
            self.send(400, b"no apple like this")
        else:
            self.send(200, b"".join(line.split(b",")[0] + b"\n" for line in lines))


@dataclass
class Orchard:
    """Where both sides work: a database with apples, a bucket, and a model.

    Attributes:
        aws: the local services.
        connection: of the database; the test's own.
        name: of bucket and model.
    """

    aws: object
    connection: object
    name: str

    def __post_init__(self):
        self.s3, self.sagemaker = self.aws.client("s3"), self.aws.client("sagemaker")
        self.s3.create_bucket(Bucket=self.name)
        self.run(
            "CREATE SCHEMA orchard",
            "CREATE TABLE orchard.apples"
            " (apple_id bigint, weight double precision, colour text, picked_on date)",
        )

    def run(self, *statements):
        for statement in statements:
            self.connection.execute(statement)
        self.connection.commit()

    def pick(self, *apples):
        """Put the day's apples into the source, in place of those that were there."""
        self.run("TRUNCATE orchard.apples")
        with self.connection.cursor() as cursor:
            rows = [(number, weight, colour, DAY) for number, weight, colour in apples]
            cursor.executemany("INSERT INTO orchard.apples VALUES (%s, %s, %s, %s)", rows)
        self.connection.commit()

    def named(self, side):
        """A name of this test's own, for a side's jobs."""
        return f"{side}-{self.name[-30:].strip('-')}"

    def rows(self, table):
        """Ids and scores of the day in a target."""
        found = self.connection.execute(f"SELECT apple_id, score FROM {table} ORDER BY 1, 2")
        rows = found.fetchall()
        self.connection.commit()
        return rows

    def jobs(self, prefix):
        found = self.sagemaker.list_transform_jobs(NameContains=prefix, MaxResults=100)
        return {
            each["TransformJobName"]: each["TransformJobStatus"]
            for each in found["TransformJobSummaries"]
        }

    def objects(self, prefix):
        found = self.s3.list_objects_v2(Bucket=self.name, Prefix=prefix).get("Contents", ())
        keys = [each["Key"] for each in found]
        return {key: self.s3.get_object(Bucket=self.name, Key=key)["Body"].read() for key in keys}


def context(**params):
    """The context of a run of the day."""
    ti = SimpleNamespace(
        dag_id="apples", run_id="nightly", task_id="task", map_index=-1, try_number=1, max_tries=8,
        id=params.pop("attempt", "first"), xcom_push=lambda **_: None,
    )  # fmt: skip
    run = SimpleNamespace(
        run_id="nightly",
        run_type=SimpleNamespace(value="scheduled"),
        conf=None,
        partition_key=None,
        logical_date=datetime(2013, 6, 1, tzinfo=UTC),
        run_after=datetime(2013, 6, 2, 6, tzinfo=UTC),
    )
    return {
        "ti": ti,
        "task_instance": ti,
        "task": SimpleNamespace(retries=8),
        "dag": SimpleNamespace(params=run_params()),
        "dag_run": run,
        "params": params,
        "task_state_store": InMemoryMemory(),
    }


def parsed(path):
    """The day, id and score of each line of a joined output."""
    with open(path, newline="") as file:
        for row in csv.reader(file):
            yield DAY, row[0], row[-1]


@dataclass
class Stock:
    """The provider's operators; each of its tasks may be run by itself."""

    orchard: Orchard
    table: str = "stock.apples"

    def __post_init__(self):
        self.job = self.orchard.named("stock")
        self.orchard.run(
            "CREATE SCHEMA stock",
            f"CREATE TABLE {self.table} (picked_on date, apple_id bigint, score double precision)",
        )

    def extract(self, query=DAYS_QUERY, **more):
        SqlToS3Operator(
            task_id="extract",
            query=query,
            sql_conn_id="warehouse",
            s3_bucket=self.orchard.name,
            s3_key="stock/in/apples.csv",
            replace=True,
            df_kwargs={"index": False, "header": False},
            **more,
        ).execute(context())

    def config(self):
        root = f"s3://{self.orchard.name}/stock"
        return {
            "TransformJobName": self.job,
            "ModelName": self.orchard.name,
            "BatchStrategy": "MultiRecord",
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{root}/in/"}},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            "TransformOutput": {
                "S3OutputPath": f"{root}/out/",
                "Accept": "text/csv",
                "AssembleWith": "Line",
            },
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            "DataProcessing": {"InputFilter": "$[1:]", "JoinSource": "Input"},
        }

    def transform(self, config=None):
        config = config or self.config()
        return SageMakerTransformOperator(
            task_id="transform", config=config, wait_for_completion=True, check_interval=1
        ).execute(context())

    def load(self, commit_every=1000):
        SQLExecuteQueryOperator(
            task_id="delete",
            conn_id="warehouse",
            sql=f"DELETE FROM {self.table} WHERE picked_on = '{DAY}'",
        ).execute(context())
        outputs = S3ListOperator(
            task_id="list", bucket=self.orchard.name, prefix="stock/out/"
        ).execute(context())
        for key in outputs:
            S3ToSqlOperator(
                task_id="load",
                s3_bucket=self.orchard.name,
                s3_key=key,
                sql_conn_id="warehouse",
                table=self.table,
                column_list=["picked_on", "apple_id", "score"],
                parser=parsed,
                commit_every=commit_every,
            ).execute(context())

    def day(self, **more):
        """Run the whole day."""
        self.extract(**more)
        self.transform()
        self.load()

    @property
    def rows(self):
        return self.orchard.rows(self.table)

    @property
    def jobs(self):
        return self.orchard.jobs(self.job)


@dataclass
class Ours:
    """Our operators, one after the other; what each leaves is handed on as XComs are."""

    orchard: Orchard
    changes: dict = field(default_factory=dict)
    query: str = QUERY.format(":partition")
    table: str = "predictions.apples"

    @property
    def pipeline(self):
        settings = {key: value for key, value in SETTINGS.items() if key != "predictions"}
        base = {
            "model": {"name": self.orchard.name},
            "predictions": {"score": {"at": -1}},
            "checks": {"constant": {"level": "off"}},
        }
        name = self.orchard.named("ours").replace("-", "_")
        validated = PipelineFile.model_validate(merged(merged(settings, base), self.changes))
        return Pipeline(name=name, folder=Path(name), settings=validated, query=self.query)

    def task(self, kind, **more):
        return kind(
            task_id=kind.__name__, deployment=self.deployment, pipeline=self.pipeline, **more
        )

    @property
    def deployment(self):
        return Deployment(root=S3Uri(self.orchard.name, "ours"), poll_seconds=1)

    def extract(self, attempt="first"):
        """Extract the day, and list its shards; return where the index lies."""
        index = self.task(ExtractOperator).execute(context(attempt=attempt))["index"]
        self.task(BuildManifestOperator, index=index).execute(context())
        return index

    def transform(self, index, attempt=None, **more):
        """Get the job to its end; return its name, and how the run got it."""
        about = {**context(attempt=attempt or index), **more}
        done = self.task(TransformOperator, index=index).execute(about)
        sensor = TransformSensor(
            task_id="wait", job_name=done["job_name"], index=index, deployment=self.deployment,
            deadline=self.pipeline.settings.limits.deadline,
        )  # fmt: skip
        sensor.poke(context())
        return done["job_name"], done["how"]

    def load(self, index, job_name):
        recovered = self.task(RecoverOperator, index=index, job_name=job_name).execute(context())
        task = self.task(
            LoadOperator, index=index, job_name=job_name, coverage=recovered["coverage"]
        )
        return task.execute(context())

    def day(self, attempt="first"):
        """Run the whole day; return how the run got its job, and what load says."""
        index = self.extract(attempt)
        job_name, how = self.transform(index)
        return how, self.load(index, job_name)

    @property
    def rows(self):
        return self.orchard.rows(self.table)

    @property
    def jobs(self):
        return self.orchard.jobs(self.orchard.named("ours"))
