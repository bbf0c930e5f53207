"""Records too large for a request to the model, or for a shard."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import RecordId
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.pipeline import PipelineFile

# The service's own unit is not documented; the smaller of the two readings is safe with either.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
_MB = 1_000_000


def set_aside(layout: RunLayout, settings: PipelineFile) -> S3Uri:
    """Say where an attempt keeps the records that are too large, if it has any."""
    return layout.quarantine / f"oversized.{settings.record.format}"


class Oversized:
    """Keeps records out that are larger than a request or a shard may be."""

    def __init__(self, settings: PipelineFile, read_id: Callable[[bytes], RecordId]) -> None:
        """Hold records to the limits of a pipeline."""
        transform = settings.transform  # whose overrides are what is sent; 0 is for no limit
        payload_mb = transform.overrides.get("MaxPayloadInMB", transform.max_payload_mb)
        self._limit = min(payload_mb * _MB or math.inf, settings.shards.max_bytes)
        self._refuse = settings.record.policies.oversized == "refuse"
        self._names = ", ".join(settings.record.id)
        self._read_id = read_id
        self.kept: list[bytes] = []

    def without(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass blocks of lines on, without the lines that are too large; those are in ``kept``.

        Raises:
            SourceError: there is one, and the policy is to refuse it.
        """
        for block in blocks:
            fitting = block if len(block) <= self._limit else self._sifted(block)
            if fitting:
                yield fitting

    def _sifted(self, block: bytes) -> bytes:
        lines = [line + b"\n" for line in block.split(b"\n")[:-1]]
        large = [line for line in lines if len(line) > self._limit]
        if not large:
            return block
        if self._refuse:
            raise SourceError(
                f"The record with {self._names} = {self._read_id(large[0][:-1])} has"
                f" {len(large[0])} bytes, more than the {self._limit} of transform.max_payload_mb"
                " and shards.max_bytes; shorten it in the query, raise the limit, or set"
                " record.policies.oversized: quarantine"
            )
        self.kept += large
        return b"".join(line for line in lines if len(line) <= self._limit)
