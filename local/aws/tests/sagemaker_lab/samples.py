"""Plans and objects for tests that need no service."""

from sagemaker_local.agent import split
from sagemaker_local.agent.plan import Plan, Processing
from sagemaker_local.switches import SWITCHES

DEFAULTS = {switch.name: switch.default for switch in SWITCHES}


def plan(content_type, *, join=False, output_filter="$", input_filter="$"):
    return Plan(
        job_name="j",
        endpoint_url="",
        folder="",
        objects=(),
        containers=(),
        output_bucket="b",
        content_type=content_type,
        accept=content_type,
        split_type="Line",
        assemble_with="Line",
        processing=Processing(input_filter=input_filter, output_filter=output_filter, join=join),
        switches=DEFAULTS,
    )


def in_chunks(data, sizes):
    """A function that opens the data, as chunks of the sizes over and over."""

    def opened():
        position, number = 0, 0
        while position < len(data):
            size = sizes[number % len(sizes)]
            yield data[position : position + size]
            position, number = position + size, number + 1

    return opened


def tfrecord(records):
    frames = []
    for record in records:
        size = len(record).to_bytes(8, "little")
        frames += [size, split.masked_crc32c(size), record, split.masked_crc32c(record)]
    return b"".join(frames)


def recordio(records):
    magic = 0xCED7230A.to_bytes(4, "little")
    pieces = (
        magic + len(record).to_bytes(4, "little") + record + b"\0" * (-len(record) % 4)
        for record in records
    )
    return b"".join(pieces)
