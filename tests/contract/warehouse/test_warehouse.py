"""What every warehouse does: partitions replaced whole, or not at all, by whoever is the later."""

import re
import threading
from contextlib import suppress
from datetime import UTC, datetime
from itertools import permutations

import pytest

from batch_transform.scoring.errors import Superseded, TargetTaken
from batch_transform.scoring.records.quarantine import Quarantined
from tests.contract.warehouse.loads import (
    BAD,
    FIRST,
    MIXED,
    SECOND,
    THIRD,
    a_load,
    replace,
    stage_of,
)

BIG = 9007199254740993  # the first integer that a double does not hold
OLD = [(1, 0.5), (2, 0.25), (BIG, 0.75)]
NEW = [(2, 0.125), (4, 1.0), (BIG, 0.0)]


class Crash(BaseException):
    """Stands for the end of the process: no handler of errors sees it as one of its own."""


def test_values_come_back_exactly(lab):
    rows = [
        ("", None, "", True, 0),
        ("NULL", 0.1, None, False, -(2**63)),
        ('a "quoted", text', 1e-308, "line\nfeed \\N \u2028", True, 2**63 - 1),
        ("z'; DROP TABLE x; --", 1.7976931348623157e308, '""', False, BIG),
    ]
    replace(lab.warehouse(), lab.target, FIRST, rows, columns=MIXED)
    assert lab.content() == {FIRST: rows}


def test_a_partition_is_replaced_and_the_others_stay(lab):
    for partition, rows in ((FIRST, OLD), (SECOND, OLD[:1]), (FIRST, NEW)):
        published = replace(lab.warehouse(), lab.target, partition, rows)
        assert (published.rows, published.changed) == (len(rows), True)
    assert lab.content() == {FIRST: NEW, SECOND: OLD[:1]}


def test_an_empty_partition_takes_the_place_of_a_full_one(lab):
    replace(lab.warehouse(), lab.target, FIRST, OLD)
    replace(lab.warehouse(), lab.target, SECOND, OLD)
    assert replace(lab.warehouse(), lab.target, FIRST, [], typed=False).rows == 0
    assert lab.content() == {SECOND: OLD}


def test_an_empty_partition_needs_no_table(lab):
    assert replace(lab.warehouse(), lab.target, FIRST, [], typed=False).rows == 0
    assert lab.content() == {}
    replace(lab.warehouse(), lab.target, FIRST, OLD)
    assert lab.content() == {FIRST: OLD}


def test_a_second_load_of_the_same_digest_changes_nothing(lab):
    replace(lab.warehouse(), lab.target, FIRST, OLD, digest="a")
    again = replace(lab.warehouse(), lab.target, FIRST, OLD, digest="a")
    assert (again.rows, again.changed) == (3, False)
    assert (lab.content(), lab.loads()) == ({FIRST: OLD}, 1)


def test_the_digest_in_force_is_that_of_the_last_load(lab):
    for rows in (OLD, NEW, OLD):
        assert replace(lab.warehouse(), lab.target, FIRST, rows).changed
    assert lab.content() == {FIRST: OLD}


def test_history_is_what_is_in_force_in_the_partitions_before(lab):
    replace(lab.warehouse(), lab.target, FIRST, OLD, digest="first")
    replace(lab.warehouse(), lab.target, SECOND, OLD, digest="overtaken")
    replace(lab.warehouse(), lab.target, SECOND, NEW[:2], digest="second")
    now = a_load(lab.target, THIRD, OLD)
    replace(lab.warehouse(), lab.target, THIRD, OLD)
    found = lab.warehouse().history(now, 7)
    assert [entry.digest for entry in found] == ["second", "first"]
    assert found[1] == a_load(lab.target, FIRST, OLD, digest="first").entry
    assert lab.warehouse().history(now, 1) == found[:1]
    assert lab.warehouse().history(a_load(lab.target, FIRST, []), 7) == []
    assert lab.warehouse().history(a_load(lab.target, THIRD, [], pipeline="pears"), 7) == []


def test_what_is_recent_needs_no_load(lab):
    assert lab.warehouse().recent(lab.target, "apples", THIRD, 7) == []
    replace(lab.warehouse(), lab.target, FIRST, OLD, digest="first")
    replace(lab.warehouse(), lab.target, SECOND, OLD, digest="second")
    found = lab.warehouse().recent(lab.target, "apples", THIRD, 7)
    assert [entry.digest for entry in found] == ["second", "first"]
    assert lab.warehouse().recent(lab.target, "apples", THIRD, 1) == found[:1]
    assert lab.warehouse().recent(lab.target, "apples", SECOND, 7) == found[1:]
    assert lab.warehouse().recent(lab.target, "pears", THIRD, 7) == []


def steps_of(lab, rows):
    """The names of the steps of a load, in order, and what a reader saw before each."""
    seen = []
    replace(lab.warehouse(lambda name: seen.append((name, lab.content()))), lab.target, FIRST, rows)
    return seen


@pytest.mark.parametrize("old", [OLD, []], ids=["over another", "first"])
def test_a_reader_sees_the_old_partition_until_it_sees_the_new(lab, old):
    if old:
        replace(lab.warehouse(), lab.target, FIRST, old)
    seen = steps_of(lab, NEW)
    whole = [{FIRST: old} if old else {}, {FIRST: NEW}]
    if lab.target.swap == "partitions":
        whole.append(None)  # while the new table is attached, readers wait
    assert [content for _, content in seen if content not in whole] == []
    assert seen[0][1] == whole[0]
    assert lab.content() == whole[1]


@pytest.mark.parametrize("old", [OLD, []], ids=["over another", "first"])
def test_a_crash_at_any_step_leaves_a_whole_partition_and_a_retry_finishes(lab, old):
    if old:
        replace(lab.warehouse(), lab.target, FIRST, old)
    before = lab.content()
    crashed_at, ran = set(), []
    for stop in range(40):
        ran.clear()

        def crash(name, stop=stop):
            ran.append(name)
            if len(ran) > stop:
                crashed_at.add(name)
                raise Crash

        try:
            replace(lab.warehouse(crash), lab.target, FIRST, NEW, quarantined=(BAD,))
            break
        except Crash:
            lab.end_processes()
            assert lab.content() in (before, {FIRST: NEW}), f"after a crash at {ran}"
    assert crashed_at >= lab.steps or not old  # a first load loses steps as it makes the table
    replace(lab.warehouse(), lab.target, FIRST, NEW, quarantined=(BAD,))
    assert lab.content() == {FIRST: NEW}
    assert lab.quarantined(FIRST) == [(["7", "red"], "it's bad", "manual__2013")]


@pytest.mark.parametrize("words", ["a\0b", "\ud83d", "x'; {{ ds }} %s \\ \n\u2028"])
def test_whatever_a_container_says_of_a_record_is_in_quarantine(lab, words):
    said = Quarantined(**{**dict(BAD), "id": ("7", "r\0d"), "reason": words})
    replace(lab.warehouse(), lab.target, FIRST, OLD, quarantined=(said,))
    kept = re.sub("[\0\ud83d]", "\ufffd", words)
    ((_, reason, _),) = lab.quarantined(FIRST)
    assert (lab.content(), reason) == ({FIRST: OLD}, kept)


def test_a_partition_of_which_every_record_is_in_quarantine_is_held_to_the_order(lab):
    kept_out = {"typed": False, "quarantined": (BAD,)}
    replace(lab.warehouse(), lab.target, FIRST, OLD, snapshot_at=at(1))
    replace(lab.warehouse(), lab.target, FIRST, [], snapshot_at=at(3), **kept_out)
    with pytest.raises(Superseded, match="holds newer data"):
        replace(lab.warehouse(), lab.target, FIRST, OLD, snapshot_at=at(2))
    assert lab.content() == {}


def test_first_loads_of_many_partitions_at_once_while_somebody_reads(lab):
    days, over = (FIRST, SECOND, THIRD), threading.Event()
    contents = [OLD, NEW, [(5, 0.5)]]
    barrier = threading.Barrier(len(days) + 1)
    seen = []

    def load(day):
        barrier.wait(30)
        for rows in contents:
            replace(lab.warehouse(), lab.target, day, rows)

    def read():
        barrier.wait(30)
        while not over.is_set():
            seen.append(lab.content() or {})

    loads = [in_thread(lambda day=day: load(day)) for day in days]
    reader = in_thread(read)
    for thread in loads:
        thread.join(60)
    over.set()
    reader.join(60)
    assert lab.content() == dict.fromkeys(days, contents[-1])
    assert lab.loads() == len(days) * len(contents)
    assert [rows for content in seen for rows in content.values() if rows not in contents] == []


ADDED = [(5, 0.5), (7, 0.25)]


def add(lab, to, step=None, **changes):
    warehouse = lab.warehouse(step)
    return replace(warehouse, lab.target, FIRST, ADDED, digest="b", adds_to=to, kept=3, **changes)


def test_rows_are_added_to_the_load_in_force_once(lab):
    replace(lab.warehouse(), lab.target, FIRST, OLD, digest="a", quarantined=(BAD,))
    assert lab.warehouse().in_force(lab.target, SECOND) is None
    assert (add(lab, "a").rows, lab.quarantined(FIRST)) == (5, [])
    assert lab.content() == {FIRST: sorted(OLD + ADDED)}
    assert add(lab, "a").changed is False
    assert lab.content() == {FIRST: sorted(OLD + ADDED)}
    assert lab.warehouse().in_force(lab.target, FIRST).digest == "b"


def test_rows_are_not_added_to_what_is_not_in_force(lab):
    with pytest.raises(Superseded, match=r"2013-06-01 of .* has been loaded anew"):
        add(lab, "a")
    replace(lab.warehouse(), lab.target, FIRST, OLD, digest="a")
    replace(lab.warehouse(), lab.target, FIRST, NEW, digest="newer")
    with pytest.raises(Superseded):
        add(lab, "a")
    assert lab.content() == {FIRST: NEW}


def test_a_crash_while_rows_are_added_leaves_all_of_them_or_none(lab):
    replace(lab.warehouse(), lab.target, FIRST, OLD, digest="a")
    for stop in range(40):
        ran = []

        def crash(name, ran=ran, stop=stop):
            ran.append(name)
            if len(ran) > stop:
                raise Crash

        try:
            add(lab, "a", crash)
            break
        except Crash:
            lab.end_processes()
            assert lab.content()[FIRST] in (OLD, sorted(OLD + ADDED)), f"after a crash at {ran}"
    assert lab.content() == {FIRST: sorted(OLD + ADDED)}


def in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_loads_of_different_partitions_do_not_wait_for_each_other(lab):
    replace(lab.warehouse(), lab.target, THIRD, OLD)
    second_is_done = threading.Event()

    def hold(name):
        if name in lab.apart:
            assert second_is_done.wait(30), "the second load waits for the first"

    first = in_thread(lambda: replace(lab.warehouse(hold), lab.target, FIRST, OLD))
    replace(lab.warehouse(), lab.target, SECOND, NEW)
    second_is_done.set()
    first.join(30)
    assert lab.content() == {FIRST: OLD, SECOND: NEW, THIRD: OLD}


def at(hour):
    return datetime(2013, 6, 2, hour, tzinfo=UTC)


# Extracts in the order in which they read the source, and what they gave.
EXTRACTS = {
    "all different": [(OLD, 1), (NEW, 2), (OLD[:1], 3)],
    "the first and the last the same": [(OLD, 1), (NEW, 2), (OLD, 3)],
    "the last empty": [(OLD, 1), (NEW, 2), ([], 3)],
    "the middle empty": [(OLD, 1), ([], 2), (NEW, 3)],
}


def replace_unless_older(lab, rows, hour):
    """Load what an extract gave; whether it was refused for being older."""
    try:
        typed = bool(rows)
        replace(lab.warehouse(), lab.target, FIRST, rows, snapshot_at=at(hour), typed=typed)
    except Superseded:
        return True
    return False


@pytest.mark.parametrize("extracts", EXTRACTS.values(), ids=EXTRACTS)
def test_the_newest_extract_is_in_force_in_whatever_order_loads_end(lab, extracts):
    newest = extracts[-1][0]
    for order in list(permutations(extracts))[:: lab.stride]:
        lab.clear()
        refused = [hour for rows, hour in order if replace_unless_older(lab, rows, hour)]
        assert lab.content() == ({FIRST: newest} if newest else {}), f"{order}"
        assert lab.warehouse().in_force(lab.target, FIRST).snapshot_at == at(3), f"{order}"
        assert 3 not in refused


def test_an_older_extract_says_which_is_in_force_and_may_be_forced(lab):
    replace(lab.warehouse(), lab.target, FIRST, NEW, snapshot_at=at(3))
    with pytest.raises(Superseded, match=r"run manual__2013, .* at 2013-06-02 03:00:00 UTC\."):
        replace(lab.warehouse(), lab.target, FIRST, OLD, snapshot_at=at(2))
    assert lab.content() == {FIRST: NEW}
    replace(lab.warehouse(), lab.target, FIRST, OLD, snapshot_at=at(2), forced=True)
    assert lab.content() == {FIRST: OLD}


def test_a_load_without_a_snapshot_is_held_to_no_order(lab):
    for snapshot_at, rows in ((None, OLD), (at(2), NEW), (None, OLD), (at(1), NEW)):
        assert replace(lab.warehouse(), lab.target, FIRST, rows, snapshot_at=snapshot_at).changed
    assert lab.content() == {FIRST: NEW}


def test_another_pipelines_partition_is_left_alone_unless_it_is_forced(lab):
    replace(lab.warehouse(), lab.target, FIRST, OLD)
    with pytest.raises(TargetTaken, match="'apples', in run manual__2013"):
        replace(lab.warehouse(), lab.target, FIRST, NEW, pipeline="pears")
    replace(lab.warehouse(), lab.target, SECOND, NEW, pipeline="pears")
    assert lab.content() == {FIRST: OLD, SECOND: NEW}
    replace(lab.warehouse(), lab.target, FIRST, NEW, pipeline="pears", forced=True)
    assert lab.content() == {FIRST: NEW, SECOND: NEW}


def test_rows_that_somebody_altered_are_restored(lab):
    replace(lab.warehouse(), lab.target, FIRST, OLD)
    lab.alter(FIRST)
    assert lab.content() != {FIRST: OLD}
    assert replace(lab.warehouse(), lab.target, FIRST, OLD).changed is True
    assert lab.content() == {FIRST: OLD}
    assert replace(lab.warehouse(), lab.target, FIRST, OLD).changed is False


@pytest.mark.parametrize("hours", [(None, None, None), (1, 2, 3)])
def test_of_loads_of_one_partition_at_once_the_newest_wins_whole(lab, hours):
    replace(lab.warehouse(), lab.target, FIRST, OLD)
    barrier = threading.Barrier(len(hours))
    contents = [[(number, number / 8)] for number in range(len(hours))]

    def work(rows, hour):
        load = a_load(lab.target, FIRST, rows, snapshot_at=at(hour) if hour else None)
        with stage_of(load, rows) as staged, suppress(Superseded):
            warehouse = lab.warehouse()
            barrier.wait(30)
            warehouse.replace(load, staged)

    pairs = zip(contents, hours, strict=True)
    threads = [in_thread(lambda pair=pair: work(*pair)) for pair in pairs]
    for thread in threads:
        thread.join(30)
    assert lab.content()[FIRST] in (contents if hours[0] is None else contents[-1:])
