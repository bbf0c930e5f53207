"""A transform job from start to end. See its output with: pytest -s"""

import sys
from pathlib import Path

RECORDS = "a,1,2\nb,30,40\nc,0.5,0.25\n"


def test_sums(sagemaker_local):
    # Which program an image stands for.
    sagemaker_local.containers.register(
        "examples/sums:1", [sys.executable, Path(__file__).with_name("model.py")]
    )

    # From here on, what you would do on AWS.
    s3, sagemaker = sagemaker_local.client("s3"), sagemaker_local.client("sagemaker")
    s3.create_bucket(Bucket="my-bucket")
    s3.put_object(Bucket="my-bucket", Key="in/records.csv", Body=RECORDS)
    sagemaker.create_model(
        ModelName="sums",
        ExecutionRoleArn="arn:aws:iam::123456789012:role/any",
        PrimaryContainer={"Image": "examples/sums:1"},
    )
    sagemaker.create_transform_job(
        TransformJobName="first",
        ModelName="sums",
        TransformInput={
            "DataSource": {
                "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://my-bucket/in/"}
            },
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        TransformOutput={
            "S3OutputPath": "s3://my-bucket/out/",
            "Accept": "text/csv",
            "AssembleWith": "Line",
        },
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        # The model does not see the id; the output has it, then the sum.
        DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
    )
    job = sagemaker_local.wait("first")
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")

    output = s3.get_object(Bucket="my-bucket", Key="out/records.csv.out")["Body"].read().decode()
    print(output)
    assert output == "a,3\nb,70\nc,0.75\n"
