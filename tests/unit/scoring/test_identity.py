import pytest

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.kinds import Column
from batch_transform.scoring.pipeline import Record
from batch_transform.scoring.records import ids as identity
from batch_transform.scoring.records.ids import distinct, identity_reader

RECORD = Record(format="csv", id=["orchard", "apple_id"], features=["weight"])


def watched(ids, rows_a_chunk=3):
    rows = [(*one, 0.5) for one in ids]
    chunks = [rows[at : at + rows_a_chunk] for at in range(0, len(rows), rows_a_chunk)]
    return [row for chunk in distinct(chunks, RECORD) for row in chunk]


@pytest.mark.parametrize("rows_a_pass", [2, 7, 500_000])
def test_different_ids_pass_and_the_first_that_comes_again_is_named(monkeypatch, rows_a_pass):
    monkeypatch.setattr(identity, "_ROWS_A_PASS", rows_a_pass)
    ids = [(name, number) for name in ("a", "b", "1") for number in range(10)]
    assert len(watched(ids)) == 30
    with pytest.raises(SourceError, match="orchard, apple_id: rows 5 and 31 in the order"):
        watched([*ids, ids[4]])


@pytest.mark.parametrize("names", ["bacac", "acbabc", "cacbab"])
def test_of_several_ids_that_come_again_the_first_to_do_so_is_named(names):
    again = next(at for at in range(len(names)) if names[at] in names[:at])
    rows = f"rows {names.index(names[again]) + 1} and {again + 1} in the order"
    with pytest.raises(SourceError, match=rows):
        watched([(name, 1) for name in names])


def test_ids_that_only_read_alike_are_different():
    assert len(watched([("a", 1), ("a", "1"), ("a,1", ""), ("a", ",1"), ("\ud800", 1)])) == 5


def test_no_rows_are_no_matter():
    assert watched([]) == []


@pytest.mark.parametrize(
    ("record_format", "line", "found"),
    [
        ("csv", b'"a,""b",9007199254740993,x', ('a,"b', 9007199254740993)),
        ("jsonl", b'{"orchard":"a,\\"b","apple_id":9007199254740993}', ('a,"b', 9007199254740993)),
    ],
)
def test_an_id_is_read_back_from_its_line(record_format, line, found):
    record = RECORD.model_copy(update={"format": record_format})
    columns = [Column(name="orchard", kind="text"), Column(name="apple_id", kind="integer")]
    assert identity_reader(record, columns)(line) == found
