"""What is S3's own: the pointer of a partition that others replace while a load is under way."""

import json

import pytest

from batch_transform.scoring.errors import Superseded, TargetLocked
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.testing import InMemoryObjects
from tests.contract.warehouse.conftest import FilesLab
from tests.contract.warehouse.loads import FIRST, SECOND, a_load, replace
from tests.contract.warehouse.test_warehouse import ADDED, NEW, OLD, add, at

POINTER = S3Uri("bucket", "lake/apples/current/group=2013-06-01/symlink.txt")


@pytest.fixture
def lake():
    return FilesLab(InMemoryObjects())


def meanwhile(work):
    """Do something once, when a load is about to write its pointer."""
    left = [work]
    return lambda name: left.pop()() if name == "pointer" and left else None


def test_rows_are_not_added_to_what_was_replaced_meanwhile(lake):
    """The list of files and the entry are those of one look: no row twice, none foreign."""
    replace(lake.warehouse(), lake.target, FIRST, OLD, digest="a")
    newer = meanwhile(lambda: replace(lake.warehouse(), lake.target, FIRST, NEW, digest="newer"))
    with pytest.raises(Superseded):
        add(lake, "a", newer)
    assert lake.content() == {FIRST: NEW}


def test_rows_are_added_once_by_two_at_once(lake):
    replace(lake.warehouse(), lake.target, FIRST, OLD, digest="a")
    add(lake, "a", meanwhile(lambda: add(lake, "a")))
    assert lake.content() == {FIRST: sorted(OLD + ADDED)}


def test_an_older_load_looks_again_and_gives_way(lake):
    newer = meanwhile(lambda: replace(lake.warehouse(), lake.target, FIRST, NEW, snapshot_at=at(3)))
    with pytest.raises(Superseded, match="holds newer data"):
        replace(lake.warehouse(newer), lake.target, FIRST, OLD, snapshot_at=at(2))
    assert lake.content() == {FIRST: NEW}


def test_a_pointer_that_others_replace_all_the_time_is_left_to_them(lake):
    def touch(name):
        if name == "pointer":
            body = lake.objects.content.get(POINTER, b"")
            lake.objects.put(POINTER, body + b"s3://bucket/lake/other/part.parquet\n")

    with pytest.raises(TargetLocked, match="replaced by others at each of 10 tries"):
        replace(lake.warehouse(touch), lake.target, FIRST, OLD)


def test_entries_of_the_versions_before_and_after_are_read(lake):
    replace(lake.warehouse(), lake.target, FIRST, OLD, snapshot_at=at(1))
    (uri,) = (each for each in lake.objects.content if each.key.endswith("/entry.json"))
    written = json.loads(lake.objects.get(uri))
    del written["snapshot_at"]
    lake.objects.put(uri, json.dumps({**written, "cost": 5}).encode())
    entry = lake.warehouse().in_force(lake.target, FIRST)
    assert (entry.rows, entry.snapshot_at) == (3, None)
    replace(lake.warehouse(), lake.target, FIRST, NEW, snapshot_at=at(0))
    assert lake.content() == {FIRST: NEW}


def test_what_others_put_beside_the_pointers_is_no_partition(lake):
    replace(lake.warehouse(), lake.target, FIRST, OLD)
    for name in ("_SUCCESS", "group=2013-05-31_$folder$", "group=__HIVE_DEFAULT_PARTITION__/x"):
        lake.objects.put(S3Uri("bucket", f"lake/apples/current/{name}"), b"")
    found = lake.warehouse().history(a_load(lake.target, SECOND, OLD), 7)
    assert [entry.partition for entry in found] == [FIRST]


def test_a_pointer_whose_answer_is_lost_is_published_once(lake):
    class Losing(InMemoryObjects):
        def put_if(self, uri, body, etag):
            """Store an object; the client, which hears nothing, stores it once more."""
            super().put_if(uri, body, etag)
            super().put_if(uri, body, etag)

    lake.objects = Losing()
    replace(lake.warehouse(), lake.target, FIRST, OLD, digest="a")
    add(lake, "a")
    assert lake.content() == {FIRST: sorted(OLD + ADDED)}
