"""Every record is covered once: nothing is missed, and nothing taken twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_transform.scoring.errors import OutputError
from batch_transform.scoring.outputs.coverage import Coverage, Part, check_covers, together
from batch_transform.scoring.records.quarantine import Quarantined
from tests.factories import a_shard, an_index

INDEX = an_index([a_shard("a.csv", records=10), a_shard("b.csv", records=4)])


def part(shard, first, records, *elsewhere):
    return Part(
        sent=a_shard("sent.csv", records=records),
        sent_at="s3://b/sent.csv",
        answered_at="s3://b/sent.csv.out",
        shard=shard,
        first=first,
        elsewhere=elsewhere,
    )


def bad(shard, line):
    return Quarantined(shard=shard, line=line, id=(str(line),), record="1", reason="no")


WHOLE = (part("a.csv", 0, 10), part("b.csv", 0, 4))


def problems(*covering):
    parts = tuple(each for each in covering if isinstance(each, Part))
    quarantined = tuple(each for each in covering if isinstance(each, Quarantined))
    with pytest.raises(OutputError) as error:
        check_covers(INDEX, Coverage(parts=parts, quarantined=quarantined))
    return [line.strip() for line in str(error.value).splitlines()[1:]]


def covers(*parts, quarantined=()):
    check_covers(INDEX, Coverage(parts=parts, quarantined=quarantined))


def test_whole_shards_pieces_and_single_records_cover_alike():
    covers(*WHOLE)
    covers(part("b.csv", 0, 4), part("a.csv", 6, 4), part("a.csv", 0, 6))
    covers(part("a.csv", 0, 10, 3, 4, 5), part("a.csv", 2, 3), WHOLE[1])
    covers(part("a.csv", 0, 10, 3, 10), part("b.csv", 0, 4, 1), part("a.csv", 2, 1),
           quarantined=(bad("a.csv", 10), bad("b.csv", 1)))  # fmt: skip


@pytest.mark.parametrize(
    ("covering", "expected"),
    [
        ([WHOLE[1]], ["shard a.csv: records 1 to 10 are not covered"]),
        ([part("a.csv", 1, 9), WHOLE[1]], ["shard a.csv: records 1 to 1 are not covered"]),
        ([part("a.csv", 0, 9), WHOLE[1]], ["shard a.csv: records 10 to 10 are not covered"]),
        ([part("a.csv", 0, 10, 3), WHOLE[1]], ["shard a.csv: records 3 to 3 are not covered"]),
        ([*WHOLE, part("a.csv", 2, 2)], ["shard a.csv: records 3 to 10 are covered twice"]),
        ([*WHOLE, bad("b.csv", 4)], ["shard b.csv: records 4 to 4 are covered twice"]),
        (
            [part("a.csv", 0, 12), WHOLE[1]],
            [
                "shard a.csv: records 11 to 12 are covered twice",
                "shard a.csv: has 10 records, but 12 are covered",
            ],
        ),
        ([*WHOLE, part("c.csv", 0, 4), part("d.csv", 0, 1)], ["2 parts are of no shard"]),
        (
            [],
            [
                "shard a.csv: records 1 to 10 are not covered",
                "shard b.csv: records 1 to 4 are not covered",
            ],
        ),
    ],
)
def test_what_is_missed_or_taken_twice_is_named(covering, expected):
    assert problems(*covering)[: len(expected)] == expected


def test_ten_problems_are_shown():
    odd = [part("a.csv", number, 1) for number in range(0, 10, 2)]
    assert len(problems(*odd)) == 6
    nothing = an_index([a_shard(f"{number}.csv", records=1) for number in range(12)])
    with pytest.raises(OutputError) as error:
        check_covers(nothing, Coverage(parts=()))
    assert len(str(error.value).splitlines()) == 11


@given(st.data())
def test_of_whatever_covers_all_nothing_can_be_left_out(data):
    cuts = sorted(data.draw(st.sets(st.integers(1, 9), max_size=5)))
    bounds = list(zip([0, *cuts], [*cuts, 10], strict=True))
    parts = [part("a.csv", first, end - first) for first, end in bounds]
    parts = data.draw(st.permutations(parts))
    covers(WHOLE[1], *parts)
    left = data.draw(st.integers(0, len(parts) - 1))
    assert problems(WHOLE[1], *parts[:left], *parts[left + 1 :])
    assert problems(WHOLE[1], *parts, parts[left])


def test_a_part_accounts_for_what_was_not_sent_again():
    assert part("a.csv", 0, 10, 3, 10).records == 8


def test_several_jobs_together_are_one_coverage_in_their_order():
    one = Coverage(parts=WHOLE[:1], quarantined=(bad("a.csv", 1),), jobs=("j1",), seconds=1.5)
    two = Coverage(parts=WHOLE[1:], quarantined=(bad("b.csv", 2),), jobs=("j2",), seconds=2.0)
    assert together([one, two]) == Coverage(
        parts=WHOLE,
        quarantined=(bad("a.csv", 1), bad("b.csv", 2)),
        jobs=("j1", "j2"),
        seconds=3.5,
    )
