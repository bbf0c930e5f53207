"""Shards and outputs on their way to the worker's disk."""

import gzip
import threading

import pytest

from batch_transform.scoring.errors import OutputError, Unreachable
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.outputs.coverage import Part
from batch_transform.scoring.outputs.fetch import fetched
from batch_transform.scoring.testing import InMemoryObjects
from tests.factories import a_shard

PARTS = 20


class Watched(InMemoryObjects):
    """Counts how many objects are being brought at once; brings none until ``together`` are."""

    def __init__(self, together=1):
        super().__init__()
        self._lock_of_counts = threading.Lock()
        self._together, self._are_together = together, threading.Event()
        self.coming = self.most = 0

    def pieces(self, uri):
        with self._lock_of_counts:
            self.coming += 1
            self.most = max(self.most, self.coming)
            if self.coming >= self._together:
                self._are_together.set()
        assert self._are_together.wait(30)
        try:
            yield from super().pieces(uri)
        finally:
            with self._lock_of_counts:
                self.coming -= 1


class Cut(InMemoryObjects):
    """Loses the connection after the first piece of each object, some times."""

    def __init__(self, times):
        super().__init__()
        self.times = times

    def pieces(self, uri):
        body = self.get(uri)
        yield body[:2]
        if self.times:
            self.times -= 1
            raise Unreachable("connection reset")
        yield body[2:]


def parts_in(objects, size=None):
    """Parts of one record each, which say that they have ``size`` bytes."""
    parts = []
    for number in range(PARTS):
        shard = a_shard(f"part-{number:05d}.csv", b"%d,6\n" % number)
        sent_at, answered_at = f"s3://bucket/in/{shard.name}", f"s3://bucket/out/{shard.name}.out"
        parts.append(
            Part(
                sent=shard.model_copy(update={"bytes": size or shard.bytes}),
                sent_at=sent_at,
                answered_at=answered_at,
                shard=shard.name,
            )
        )
        put(objects, sent_at, b"%d,6\n" % number)
        put(objects, answered_at, b"0.5\n0.5")
    return parts


def put(objects, uri, body):
    objects.put(S3Uri.parse(uri), body)


def test_files_come_in_their_order_and_go_on_the_next_step(tmp_path):
    objects = InMemoryObjects()
    seen = []
    for files in fetched(parts_in(objects), objects, tmp_path):
        assert files.sent.read_bytes() == b"%d,6\n" % len(seen)
        assert (files.answered.read_bytes(), files.lines) == (b"0.5\n0.5", 2)
        assert not any(path.exists() for path in seen)
        seen.append(files.sent)
    assert (len(seen), list(tmp_path.iterdir())) == (PARTS, [])


def test_small_parts_are_brought_several_at_once(tmp_path):
    objects = Watched(together=4)
    assert len(list(fetched(parts_in(objects), objects, tmp_path))) == PARTS


def test_of_large_parts_one_is_brought_ahead(tmp_path):
    objects = Watched()
    parts = parts_in(objects, size=64_000_000)
    for _ in fetched(parts, objects, tmp_path):
        assert len(list(tmp_path.glob("*.answered"))) <= 2
    assert objects.most == 1


def test_records_that_are_not_those_recorded_are_refused(tmp_path):
    objects = InMemoryObjects()
    parts = parts_in(objects)
    put(objects, parts[7].sent_at, b"8,6\n")
    with pytest.raises(OutputError, match=r"part-00007\.csv was sent .* other records"):
        list(fetched(parts, objects, tmp_path))


@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_what_is_cut_off_is_brought_again(tmp_path, packed):
    objects = Cut(times=2)
    (part, *_) = parts_in(objects)
    put(objects, part.sent_at, packed(b"0,6\n"))
    (files,) = ((each.sent.read_bytes()) for each in fetched([part], objects, tmp_path))
    assert files == b"0,6\n"
    objects.times = 3
    with pytest.raises(Unreachable):
        list(fetched([part], objects, tmp_path))
