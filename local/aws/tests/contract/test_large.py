"""Large objects and the memory they take."""

import io
import threading

import pytest
from boto3.s3.transfer import TransferConfig

from sagemaker_lab import processes
from sagemaker_lab.lab import Lab
from sagemaker_lab.programs import CONTAINERS
from sagemaker_local.testing import running

MB = 1 << 20


@pytest.fixture(scope="module")
def fresh_lab():
    """A service that has done nothing else, whose memory is therefore known."""
    with running(containers=CONTAINERS) as service:
        yield Lab(service)


class Peak:
    """The most memory that the service and its agents take together, in bytes."""

    def __init__(self, pid):
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.bytes = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _watch(self):
        while not self._over.wait(0.02):
            family = [self._pid, *processes.children(self._pid, recursive=False)]
            self.bytes = max(self.bytes, sum(map(processes.resident_bytes, family)))


JOINED = {"DataProcessing": {"JoinSource": "Input"}}
UNLIMITED = {"MaxPayloadInMB": 0}


@pytest.mark.skipif(not processes.SUPPORTED, reason="needs /proc")
@pytest.mark.parametrize(
    ("size", "image", "fields"),
    [
        pytest.param(256 * MB, "test/count:1", {}, id="plain"),
        pytest.param(256 * MB, "test/count:1", JOINED, id="joined"),
        pytest.param(10**9, "test/count:1", {}, id="1-gb", marks=pytest.mark.slow),
        pytest.param(10**9, "test/count:1", JOINED, id="1-gb-joined", marks=pytest.mark.slow),
        pytest.param(10**9, "test/echo:1", UNLIMITED, id="1-gb-no-limit", marks=pytest.mark.slow),
    ],
)
def test_memory_does_not_grow_with_the_object(fresh_lab, size, image, fields):
    lab = fresh_lab
    record = b"0123456789," * 9 + b"\n"
    rows = size // len(record)
    config = TransferConfig(max_concurrency=1, multipart_chunksize=8 * MB)
    lab.s3.upload_fileobj(Repeated(record, rows), lab.bucket, "in/big", Config=config)
    csv = {
        "ContentType": "text/csv",
        "Accept": "text/csv",
        "SplitType": "Line",
        "AssembleWith": "Line",
    }
    with Peak(lab.aws.pid) as peak:
        description = lab.wait(lab.start(image, **csv, **fields), seconds=300)
    print(f"{peak.bytes / MB:.0f} MB at most")
    assert description["TransformJobStatus"] == "Completed"
    assert peak.bytes <= 300 * MB
    written = lab.s3.head_object(Bucket=lab.bucket, Key="out/big.out")["ContentLength"]
    per_record = {"test/echo:1": len(record)}.get(image, len(record) + 2 if fields else 2)
    assert written == rows * per_record
    lab.s3.delete_objects(
        Bucket=lab.bucket, Delete={"Objects": [{"Key": "in/big"}, {"Key": "out/big.out"}]}
    )


class Repeated(io.RawIOBase):
    """A file of one record, many times over."""

    def __init__(self, record, times):
        self._block = record * (MB // len(record))
        self._left = len(record) * times
        self._rest = b""

    def readable(self):
        return True

    def read(self, size=-1):
        while len(self._rest) < size:
            self._rest += self._block
        size = min(size, self._left)
        self._left -= size
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def test_a_reset_removes_the_files_of_large_objects(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with running() as service:
        lab = Lab(service)
        lab.put_key("big", b"x" * (9 * MB))
        (folder,) = tmp_path.glob("sagemaker-local-*")
        assert len(list(folder.iterdir())) == 1
        service.reset()
        assert list(folder.iterdir()) == []
    assert not folder.exists()


@pytest.mark.parametrize("upload", ["put", "multipart"])
def test_large_objects_come_back_as_they_went(lab, upload):
    data = bytes(range(256)) * (20 * MB // 256) + b"end"
    if upload == "put":
        lab.s3.put_object(
            Bucket=lab.bucket, Key="big", Body=data, ContentType="text/csv", Metadata={"k": "v"}
        )
    else:
        lab.s3.upload_fileobj(
            io.BytesIO(data),
            lab.bucket,
            "big",
            ExtraArgs={"ContentType": "text/csv", "Metadata": {"k": "v"}},
        )
    head = lab.s3.head_object(Bucket=lab.bucket, Key="big")
    whole = lab.s3.get_object(Bucket=lab.bucket, Key="big")
    assert whole["Body"].read() == data
    assert head["ContentLength"] == whole["ContentLength"] == len(data)
    assert (whole["ContentType"], whole["Metadata"]) == ("text/csv", {"k": "v"})
    assert whole["ETag"] == head["ETag"]
    part = lab.s3.get_object(Bucket=lab.bucket, Key="big", Range="bytes=5-10")
    assert (part["Body"].read(), part["ContentRange"]) == (data[5:11], f"bytes 5-10/{len(data)}")
    buffer = io.BytesIO()
    lab.s3.download_fileobj(lab.bucket, "big", buffer)
    assert buffer.getvalue() == data
    lab.s3.copy_object(Bucket=lab.bucket, Key="copy", CopySource=f"{lab.bucket}/big")
    lab.s3.delete_object(Bucket=lab.bucket, Key="big")
    assert lab.s3.get_object(Bucket=lab.bucket, Key="copy")["Body"].read() == data
