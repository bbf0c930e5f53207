"""What a transform job was sent, and where it wrote: read from the job, never computed.

A run may find a job that an earlier attempt started, whose shards lie elsewhere and were packed by
another compressor. Equal records are what makes it the job of this run's extract.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from batch_transform.scoring.aws.objects import ObjectStore
from batch_transform.scoring.errors import OutputError
from batch_transform.scoring.extract import manifest
from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs.service import Job
from batch_transform.scoring.names import S3Uri, output_name
from batch_transform.scoring.outputs.coverage import Coverage, Part
from batch_transform.scoring.outputs.fetch import other_records, plain

_NAMED = 10


def covered(index: ExtractIndex, job: Job, objects: ObjectStore) -> Coverage:
    """Cover every shard with the output that a job left for it.

    Raises:
        OutputError: the job was sent other shards; or outputs are missing, come twice, or are those
            of no shard.
    """
    inputs = _inputs(index, job, objects)
    outputs = _outputs(index, job, objects)
    return Coverage(
        parts=tuple(
            Part(
                sent=shard,
                sent_at=str(inputs[shard.name]),
                answered_at=str(outputs[shard.name]),
                shard=shard.name,
            )
            for shard in index.shards
        )
    )


def check_recovered(
    index: ExtractIndex, coverage: Coverage, job: Job, objects: ObjectStore
) -> None:
    """Prove that records which were sent again in pieces are those of the extract.

    What was answered whole is proven where it is read.

    Raises:
        OutputError: the job was sent other records.
    """
    inputs = _inputs(index, job, objects)
    recorded = {shard.name: shard.records_sha256 for shard in index.shards}
    whole = {part.shard: part for part in coverage.parts if part.sent.name == part.shard}
    for name, digest in recorded.items():
        sent_at = str(inputs[name])
        actual = whole[name].sent.records_sha256 if name in whole else _digest(sent_at, objects)
        if actual != digest:
            raise other_records(sent_at)


def _digest(uri: str, objects: ObjectStore) -> str:
    digest = hashlib.sha256()
    for piece in plain(objects.pieces(S3Uri.parse(uri))):
        digest.update(piece)
    return digest.hexdigest()


def _inputs(index: ExtractIndex, job: Job, objects: ObjectStore) -> Mapping[str, S3Uri]:
    """Read from the job's manifest where its shards lie."""
    sent = manifest.parse(objects.get(S3Uri.parse(job.manifest)))
    inputs = {uri.key.rsplit("/", 1)[-1]: uri for uri in sent}
    if inputs.keys() != {shard.name for shard in index.shards}:
        raise OutputError(
            f"Transform job {job.name} was sent {len(inputs)} shards, and this run's extract wrote"
            f" {len(index.shards)}: the job belongs to another extract. Clear transform, which"
            " starts or finds this extract's own job; the target was not touched"
        )
    return inputs


def _outputs(index: ExtractIndex, job: Job, objects: ObjectStore) -> Mapping[str, S3Uri]:
    """Find each shard's output by name, anywhere below the job's output path.

    The documented layouts below an output path contradict each other.
    """
    expected = {output_name(shard.name): shard.name for shard in index.shards}
    written: dict[str, list[S3Uri]] = {}
    for uri in objects.keys(job.output):
        if uri.key.endswith(output_name("")):
            written.setdefault(uri.key.rsplit("/", 1)[-1], []).append(uri)
    problems = [
        *_listed("without an output", [expected[n] for n in expected if n not in written]),
        *_listed(
            "with two outputs", [expected[n] for n in expected if len(written.get(n, ())) > 1]
        ),
        *_listed("unknown, but has an output", [n for n in written if n not in expected]),
    ]
    if problems:
        raise OutputError(
            f"The outputs below {job.output} are not those of the {len(index.shards)} shards; the"
            f" log of the transform job says why. Shards {'; shards '.join(problems)}"
        )
    return {shard: written[name][0] for name, shard in expected.items()}


def _listed(what: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        more = ", …" if len(names) > _NAMED else ""
        yield f"{what}: {len(names)} ({', '.join(names[:_NAMED])}{more})"
