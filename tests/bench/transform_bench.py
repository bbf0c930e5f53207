"""The local Batch Transform beside a bare loop, and the memory a large object takes.

The bare loop posts the same batches from memory to the same container with the same concurrency
over kept-alive connections, and reads no object and writes none: the least work there is.
"""

import http.client
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid
from contextlib import contextmanager

import psutil

from sagemaker_local.testing import running
from tests.bench.row import Row

MB = 1 << 20
RECORD = b"0123456789," * 9 + b"\n"
PAYLOAD = 6 * MB // len(RECORD) * len(RECORD)
ROUNDS = 3


@contextmanager
def line_container():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "SAGEMAKER_BIND_TO_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.line_container"], env=environment
    )
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.01)
        yield port
    finally:
        process.terminate()
        process.wait()


def bare_loop(port, data, step, concurrency):
    """Seconds to post all batches."""
    starts, lock = iter(range(0, len(data), step)), threading.Lock()

    def work():
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            with lock:
                start = next(starts, None)
            if start is None:
                connection.close()
                return
            body = data[start : start + step]
            connection.request("POST", "/invocations", body, {"Content-Type": "text/csv"})
            connection.getresponse().read()

    threads = [threading.Thread(target=work) for _ in range(concurrency)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begun


class Jobs:
    """Jobs on one large object."""

    def __init__(self, aws, port):
        self.aws = aws
        self.s3, self.sagemaker = aws.client("s3"), aws.client("sagemaker")
        self.s3.create_bucket(Bucket="bench")
        self.sagemaker.create_model(
            ModelName="bench",
            ExecutionRoleArn="arn:aws:iam::123456789012:role/bench",
            PrimaryContainer={"Image": f"http://127.0.0.1:{port}"},
        )

    def put(self, data):
        self.s3.put_object(Bucket="bench", Key="in/data.csv", Body=data)

    def seconds(self, strategy, concurrency):
        """Seconds from CreateTransformJob to Completed."""
        name = f"bench-{uuid.uuid4().hex}"
        where = {"S3DataType": "S3Prefix", "S3Uri": "s3://bench/in/"}
        begun = time.perf_counter()
        self.sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName="bench",
            BatchStrategy=strategy,
            MaxConcurrentTransforms=concurrency,
            TransformInput={
                "DataSource": {"S3DataSource": where},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            TransformOutput={"S3OutputPath": "s3://bench/out/", "AssembleWith": "Line"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )
        while True:
            answer = self.sagemaker.describe_transform_job(TransformJobName=name)
            if answer["TransformJobStatus"] != "InProgress":
                assert answer["TransformJobStatus"] == "Completed", answer
                return time.perf_counter() - begun
            time.sleep(0.02)


def beside_a_bare_loop(strategy, size, step, target):
    """One row: records a second, ours and the bare loop's, in turns; medians."""
    data = RECORD * (size // len(RECORD))
    concurrency = 4
    ours, floors = [], []
    with line_container() as port, running() as aws:
        jobs = Jobs(aws, port)
        jobs.put(data)
        jobs.seconds(strategy, concurrency)
        for _ in range(ROUNDS):
            floors.append(bare_loop(port, data, step, concurrency))
            ours.append(jobs.seconds(strategy, concurrency))
    records = len(data) // len(RECORD)
    ratio = statistics.median(floors) / statistics.median(ours)
    return Row(
        name=f"transform-{strategy.removesuffix('Record').lower()}-record",
        ours=records / statistics.median(ours),
        floor=records / statistics.median(floors),
        unit="records/s",
        ratio=ratio,
        target=f">= {target} x floor",
        holds=ratio >= target,
    )


def multi_record():
    return [beside_a_bare_loop("MultiRecord", 1000 * MB, PAYLOAD, 0.7)]


def single_record():
    return [beside_a_bare_loop("SingleRecord", 4 * MB, len(RECORD), 0.5)]


def memory():
    """Peak memory of the service and of the agent together while 1 GB passes through."""
    most, over = 0, threading.Event()
    with line_container() as port, running() as aws:
        jobs = Jobs(aws, port)
        jobs.put(RECORD * (10**9 // len(RECORD)))
        service = psutil.Process(aws.pid)

        def watch():
            nonlocal most
            while not over.wait(0.02):
                try:
                    family = [service, *service.children(recursive=True)]
                    most = max(most, sum(each.memory_info().rss for each in family))
                except psutil.NoSuchProcess:
                    continue

        watcher = threading.Thread(target=watch)
        watcher.start()
        jobs.seconds("MultiRecord", 4)
        over.set()
        watcher.join()
    limit = 300
    return [
        Row(
            name="transform-memory-of-1-gb",
            ours=most / MB,
            unit="MB",
            ratio=most / MB / limit,
            target=f"<= {limit} MB",
            holds=most <= limit * MB,
        )
    ]


BENCHES = {
    "transform-multi-record": multi_record,
    "transform-single-record": single_record,
    "transform-memory-of-1-gb": memory,
}
