"""Run in a process of its own: Airflow's own operator and sensor against an endpoint.

`python stock_airflow.py MODE BUCKET MODEL JOB`, with the connection in the environment.
"""

import asyncio
import sys

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTransformOperator
from airflow.providers.amazon.aws.sensors.sagemaker import SageMakerTransformSensor
from airflow.sdk.exceptions import TaskDeferred


def config(bucket, model, job):
    where = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/in/"}
    return {
        "TransformJobName": job,
        "ModelName": model,
        "TransformInput": {"DataSource": {"S3DataSource": where}},
        "TransformOutput": {"S3OutputPath": f"s3://{bucket}/out/"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }


def operator(arguments, **settings):
    return SageMakerTransformOperator(
        task_id="transform", config=config(*arguments), check_interval=1, **settings
    )


def waiting(*arguments):
    answer = operator(arguments, wait_for_completion=True).execute({})
    return answer["Transform"]["TransformJobStatus"]


def deferrable(*arguments):
    task = operator(arguments, deferrable=True)
    try:
        answer = task.execute({})
    except TaskDeferred as deferred:
        event = asyncio.run(anext(aiter(deferred.trigger.run())))
        answer = getattr(task, deferred.method_name)({}, event.payload)
    return answer["Transform"]["TransformJobStatus"]


def sensor(*arguments):
    operator(arguments, wait_for_completion=False).execute({})
    job = arguments[-1]
    watcher = SageMakerTransformSensor(task_id="watch", job_name=job, poke_interval=0.2, timeout=60)
    watcher.execute({})
    return watcher.get_sagemaker_response()["TransformJobStatus"]


MODES = {"waiting": waiting, "deferrable": deferrable, "sensor": sensor}

if __name__ == "__main__":
    print(MODES[sys.argv[1]](*sys.argv[2:]))
