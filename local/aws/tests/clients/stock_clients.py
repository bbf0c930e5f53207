"""Run in an environment of its own: each client of AWS as people use it, against an endpoint.

`python stock_clients.py CLIENT ENDPOINT_URL BUCKET MODEL JOB`
"""

import asyncio
import os
import subprocess
import sys
from pathlib import Path


def cli(endpoint, bucket, model, job):
    def aws(*arguments):
        program = Path(sys.executable).with_name("aws")
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    aws(
        "sagemaker",
        "create-transform-job",
        "--transform-job-name",
        job,
        "--model-name",
        model,
        "--transform-input",
        f"DataSource={{S3DataSource={{S3DataType=S3Prefix,S3Uri=s3://{bucket}/in/}}}},"
        "ContentType=text/csv,SplitType=Line",
        "--transform-output",
        f"S3OutputPath=s3://{bucket}/out/,AssembleWith=Line",
        "--transform-resources",
        "InstanceType=ml.m5.large,InstanceCount=1",
        "--data-processing",
        '{"InputFilter": "$[1:]"}',
    )
    query = ("--query", "TransformJobStatus", "--output", "text")
    describe = ("sagemaker", "describe-transform-job", "--transform-job-name", job, *query)
    while aws(*describe) == "InProgress":
        continue  # the waiter looks once a minute: let it find the job at its end
    aws("sagemaker", "wait", "transform-job-completed-or-stopped", "--transform-job-name", job)
    print(aws(*describe))
    aws("sagemaker", "list-transform-jobs", "--name-contains", job, "--max-results", "1")
    print(aws("s3", "cp", f"s3://{bucket}/out/a.csv.out", "-"))


def sdk(endpoint, bucket, model, job):
    """The cells of a usual notebook."""
    import sagemaker
    from sagemaker.transformer import Transformer

    session = sagemaker.Session(default_bucket=bucket)
    transformer = Transformer(
        model_name=model,
        instance_count=1,
        instance_type="ml.m5.large",
        strategy="MultiRecord",
        assemble_with="Line",
        accept="text/csv",
        output_path=f"s3://{bucket}/out/",
        max_concurrent_transforms=2,
        max_payload=6,
        env={"LEVEL": "debug"},
        tags=[{"Key": "team", "Value": "risk"}],
        sagemaker_session=session,
    )
    transformer.transform(
        data=f"s3://{bucket}/in/",
        content_type="text/csv",
        split_type="Line",
        input_filter="$[1:]",
        join_source="Input",
        output_filter="$[0,-1]",
        job_name=job,
        model_client_config={"InvocationsTimeoutInSeconds": 60, "InvocationsMaxRetries": 1},
        wait=True,
        logs=True,
    )
    print(session.describe_transform_job(job)["TransformJobStatus"])
    body = session.boto_session.client("s3").get_object(Bucket=bucket, Key="out/a.csv.out")["Body"]
    print(body.read().decode())


def asyncio_client(endpoint, bucket, model, job):
    from aiobotocore.session import get_session

    async def run():
        session = get_session()
        async with session.create_client("sagemaker") as sagemaker:
            where = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/in/"}
            await sagemaker.create_transform_job(
                TransformJobName=job,
                ModelName=model,
                TransformInput={"DataSource": {"S3DataSource": where}},
                TransformOutput={"S3OutputPath": f"s3://{bucket}/out/"},
                TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
            )
            waiter = sagemaker.get_waiter("transform_job_completed_or_stopped")
            await waiter.wait(TransformJobName=job, WaiterConfig={"Delay": 0.2, "MaxAttempts": 100})
            description = await sagemaker.describe_transform_job(TransformJobName=job)
            print(description["TransformJobStatus"])
        async with session.create_client("s3") as s3:
            answer = await s3.get_object(Bucket=bucket, Key="out/a.csv.out")
            print((await answer["Body"].read()).decode())

    asyncio.run(run())


CLIENTS = {"cli": cli, "sdk": sdk, "aiobotocore": asyncio_client}

if __name__ == "__main__":
    os.environ["AWS_ENDPOINT_URL"] = sys.argv[2]
    CLIENTS[sys.argv[1]](*sys.argv[2:])
