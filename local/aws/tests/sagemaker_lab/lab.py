"""A bucket, models and jobs for one test, over plain boto3."""

import itertools
import time
import uuid

GROUP = "/aws/sagemaker/TransformJobs"
ROLE = "arn:aws:iam::123456789012:role/test"
TERMINAL = {"Completed", "Failed", "Stopped"}


class Lab:
    """What a test of jobs needs. Every lab has a bucket and names of its own."""

    def __init__(self, aws):
        self.aws = aws
        self.s3 = aws.client("s3", s3={"addressing_style": "path"})
        self.sagemaker = aws.client("sagemaker")
        self.logs = aws.client("logs")
        self.stem = f"t{uuid.uuid4().hex[:12]}"
        self.bucket = f"{self.stem}-bucket"
        self._numbers = itertools.count()
        self.s3.create_bucket(Bucket=self.bucket)

    def name(self):
        return f"{self.stem}-{next(self._numbers)}"

    def put(self, **objects):
        """Objects below `in/`; `__` in a name is a dot."""
        for name, body in objects.items():
            self.put_key(f"in/{name.replace('__', '.')}", body)

    def put_key(self, key, body):
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def model(self, image, **container):
        name = self.name()
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=ROLE,
            PrimaryContainer={"Image": image, **container},
        )
        return name

    def request(self, image="test/echo:1", *, model=None, uri=None, kind="S3Prefix", **fields):
        """A request; fields of the input, the output and the resources are put where they go."""
        into = {k: fields.pop(k) for k in _INPUT if k in fields}
        out = {k: fields.pop(k) for k in _OUTPUT if k in fields}
        resources = {k: fields.pop(k) for k in _RESOURCES if k in fields}
        where = {"S3DataType": kind, "S3Uri": uri or f"s3://{self.bucket}/in/"}
        return {
            "TransformJobName": self.name(),
            "ModelName": model or self.model(image),
            "TransformInput": {"DataSource": {"S3DataSource": where}, **into},
            "TransformOutput": {"S3OutputPath": f"s3://{self.bucket}/out/", **out},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1, **resources},
            **fields,
        }

    def start(self, *args, **fields):
        """Create a job; its name."""
        request = self.request(*args, **fields)
        self.sagemaker.create_transform_job(**request)
        return request["TransformJobName"]

    def run(self, *args, **fields):
        """Create a job and wait for its end; its description."""
        return self.wait(self.start(*args, **fields))

    def describe(self, name):
        return self.sagemaker.describe_transform_job(TransformJobName=name)

    def wait(self, name, until=TERMINAL, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            description = self.describe(name)
            if description["TransformJobStatus"] in until:
                return description
            time.sleep(0.02)
        raise AssertionError(f"{name} is {self.describe(name)}")

    def output(self, name):
        return self.s3.get_object(Bucket=self.bucket, Key=f"out/{name}.out")["Body"].read()

    def outputs(self):
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="out/").get("Contents", [])
        return {each["Key"].removeprefix("out/") for each in listed}

    def streams(self, job):
        answer = self.logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{job}/")
        return [stream["logStreamName"] for stream in answer["logStreams"]]

    def lines(self, stream):
        events = self.logs.get_log_events(
            logGroupName=GROUP, logStreamName=stream, startFromHead=True
        )["events"]
        return [event["message"] for event in events]

    def data_log(self, job):
        streams = [name for name in self.streams(job) if name.endswith("/data-log")]
        return [line for name in streams for line in self.lines(name)]

    def wait_for_line(self, job, text, seconds=60):
        """Wait until the job's data-log has a line with the text."""
        self.until(lambda: any(text in line for line in self._data_log_so_far(job)), seconds)

    def wait_for_output(self, name, seconds=60):
        self.until(lambda: f"{name}.out" in self.outputs(), seconds)

    def _data_log_so_far(self, job):
        groups = self.logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
        return self.data_log(job) if groups else []

    @staticmethod
    def until(holds, seconds=60):
        """Wait until something holds."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end
            time.sleep(0.02)


_INPUT = ("ContentType", "CompressionType", "SplitType")
_OUTPUT = ("Accept", "AssembleWith", "KmsKeyId")
_RESOURCES = ("InstanceType", "InstanceCount", "VolumeKmsKeyId")
