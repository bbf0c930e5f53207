"""Accounting for a whole partition: every shard, every output, every record."""

import gzip
import re

import pytest

from batch_transform.scoring.errors import OutputError
from batch_transform.scoring.outputs import reconcile
from batch_transform.scoring.outputs.coverage import Part
from batch_transform.scoring.outputs.reconcile import columns_of, stage_outputs
from batch_transform.scoring.outputs.sent import covered
from batch_transform.scoring.outputs.staged import staging
from batch_transform.scoring.records.quarantine import Quarantined
from tests.factories import a_job, a_shard
from tests.unit.scoring.outputs.partitions import INPUTS, Sent, put, rows_of, staged_from
from tests.unit.scoring.outputs.partitions import OUTPUTS as WRITTEN

SHARDS = [
    Sent("part-00000.csv", b"1,0.5,red\n2,0.5,red\n", (1,), (2,)),
    Sent("part-00001.csv", b"3,0.5,red\n", (3,), (3,)),
    Sent("part-00002.csv", b"4,0.5,red\n", (4,), (4,)),
]
OUTPUTS = {
    "part-00000.csv": b"1,0.5,red,0.1\n2,0.5,red,0.2\n",
    "part-00001.csv": b"3,0.5,red,0.3\n",
    "part-00002.csv": b"4,0.5,red,0.4\n",
}
ROWS = [(1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4)]


@pytest.fixture
def load(make_pipeline, objects):
    def load(outputs, *, shards=SHARDS, folder="", change=lambda index: index, **changes):
        pipeline = make_pipeline(**changes)
        index = change(put(objects, pipeline, shards, outputs, folder=folder))
        with staged_from(objects, pipeline, index) as (staged, account):
            return rows_of(staged), account

    return load


@pytest.mark.parametrize("folder", ["", "runs/apples/2013-06-01/attempt/input/"])
def test_outputs_are_found_wherever_they_lie(load, folder):
    rows, account = load(OUTPUTS, folder=folder)
    assert rows == ROWS
    assert (account.source_rows, account.records, account.answers, account.rows) == (4, 4, 4, 4)


def test_records_kept_out_of_the_shards_are_source_rows(load):
    _, account = load(OUTPUTS, change=lambda index: index.model_copy(update={"quarantined": 3}))
    assert (account.source_rows, account.oversized, account.records) == (7, 3, 4)


def test_gzip_shards_and_outputs_of_several_members(load):
    halves = OUTPUTS["part-00000.csv"].splitlines(keepends=True)
    packed = b"".join(map(gzip.compress, halves))
    shards = [Sent(s.name, gzip.compress(s.body, mtime=0), s.first, s.last) for s in SHARDS]

    rows, _ = load({**OUTPUTS, "part-00000.csv": packed}, shards=shards)
    assert rows == ROWS


def test_gzip_that_ends_too_early_is_refused(load):
    packed = gzip.compress(OUTPUTS["part-00000.csv"])[:-9]
    with pytest.raises(OutputError, match="gzip, but ends before its end"):
        load({**OUTPUTS, "part-00000.csv": packed})


def test_outputs_missing_and_unknown_are_named(load):
    outputs = {"part-00000.csv": OUTPUTS["part-00000.csv"], "part-00009.csv": b"9,0.9\n"}
    with pytest.raises(OutputError) as caught:
        load(outputs)
    assert "without an output: 2 (part-00001.csv, part-00002.csv)" in str(caught.value)
    assert "unknown, but has an output: 1 (part-00009.csv.out)" in str(caught.value)


def test_an_output_in_two_places_is_refused(load, objects):
    objects.put(WRITTEN / "again/part-00001.csv.out", b"3,0.5,red,0.9\n")
    with pytest.raises(OutputError, match=r"with two outputs: 1 \(part-00001\.csv\)"):
        load(OUTPUTS)


def test_every_shard_is_read_before_anything_is_said(load):
    outputs = {**OUTPUTS, "part-00000.csv": b"1,0.5,red,0.1\n", "part-00002.csv": b"5,0.5,red,1\n"}
    message = (
        "The outputs of 2 of 3 shards do not match their records; the target was not touched:\n"
        "  shard part-00000.csv: it has 2 records, but its output has 1: 1 missing (2)\n"
        "  shard part-00002.csv: 1 missing (4), 1 foreign (5)"
    )
    with pytest.raises(OutputError, match=re.escape(message)):
        load(outputs)


def test_unfit_values_of_all_shards_are_listed_with_their_ids(load):
    outputs = {**OUTPUTS, "part-00000.csv": b"1,0.5,red,7\n2,0.5,red,0.2\n",
               "part-00001.csv": b"3,0.5,red,ERROR\n"}  # fmt: skip
    message = (
        "2 of 4 records have no fit prediction, and limits.bad_records allows 0; the target was"
        " not touched:\n"
        "  part-00000.csv, line 1, id 1: sweetness is 7.0, above its max of 1.0\n"
        "  part-00001.csv, line 1, id 3: sweetness is 'ERROR', not double"
    )
    with pytest.raises(OutputError, match=re.escape(message)):
        load(outputs, limits={"bad_records": 0})
    rows, account = load(outputs, limits={"bad_records": 0.5})
    assert rows == [ROWS[1], ROWS[3]]
    assert [each.id for each in account.quarantined] == [("1",), ("3",)]


def test_one_unfit_value_fails_the_load_where_the_pipeline_says_so(load):
    outputs = {**OUTPUTS, "part-00001.csv": b"3,0.5,red,7\n"}
    changes = {"limits": {"bad_records": 0.5, "on_limit": "load_rest"}}
    assert load(outputs, **changes)[1].rows == 3
    with pytest.raises(OutputError, match=r"1 of 4 records .* and recover\.unfit is fail"):
        load(outputs, recover={"unfit": "fail"}, **changes)
    assert load(OUTPUTS, recover={"unfit": "fail"}, **changes)[1].rows == 4


def test_more_unfit_values_than_allowed_are_quarantined_where_the_rest_is_loaded(load):
    outputs = {**OUTPUTS, "part-00001.csv": b"3,0.5,red,7\n"}
    _, account = load(outputs, limits={"bad_records": 0, "on_limit": "load_rest"})
    assert [each.id for each in account.quarantined] == [("3",)]


@pytest.mark.parametrize(
    ("answer", "tenth"),
    [
        (b"-N,0.5,red,0.5", "\n  shard 10.csv: 1 missing (10), 1 foreign (-10)"),
        (b"N,0.5,red,7", "\n  10.csv, line 1, id 10: sweetness is 7.0, above its max of 1.0"),
    ],
)
@pytest.mark.parametrize(("count", "more"), [(10, ""), (11, "\n  and 1 more")])
def test_ten_shards_or_records_are_named(load, answer, tenth, count, more):
    numbers = range(1, count + 1)
    shards = [Sent(f"{n:02}.csv", b"%d,0.5,red\n" % n, (n,), (n,)) for n in numbers]
    outputs = {f"{n:02}.csv": answer.replace(b"N", b"%d" % n) for n in numbers}
    with pytest.raises(OutputError) as caught:
        load(outputs, shards=shards, limits={"bad_records": 0})
    assert str(caught.value).endswith(tenth + more)
    assert str(caught.value).count("\n") == count


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'3,0.5,red,"0.3\n', "line 1 cannot be read as csv: unexpected end of data"),
        (b"3,0.5,red,\xff\n", "line 1 cannot be read as csv: 'utf-8' codec can't decode"),
        (b"3,0.5,red\n", "a row has 3 fields, of which 3 are the record's, so sweetness is not at"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(load, line, message):
    with pytest.raises(OutputError, match=re.escape(message)):
        load({**OUTPUTS, "part-00001.csv": line})


def test_a_row_of_another_width_than_the_others_does_not_fit(load):
    ragged = b"1,0.5,red,0.1\n2,0.5,red,x,0.2\n"
    rows, account = load({**OUTPUTS, "part-00000.csv": ragged}, limits={"bad_records": 1})
    assert rows == [ROWS[0], *ROWS[2:]]
    (bad,) = account.quarantined
    assert (bad.line, bad.record) == (2, "2,0.5,red")
    assert bad.reason == "the answer has 5 fields, but others have 4"


def test_a_shard_that_is_not_what_the_extract_wrote_is_refused(load):
    def other(index):
        shards = [s.model_copy(update={"records_sha256": "0" * 64}) for s in index.shards]
        return index.model_copy(update={"shards": tuple(shards)})

    with pytest.raises(OutputError, match=r"part-00000\.csv was sent .* holds other records"):
        load(OUTPUTS, change=other)


def test_sums_that_disagree_are_refused(load):
    words = (
        "touched: 5 records in index.json, 4 records in its shards, 4 records answered or given up,"
        " 4 rows ready and quarantined"
    )
    with pytest.raises(OutputError, match=words):
        load(OUTPUTS, change=lambda index: index.model_copy(update={"records": 5}))


def test_an_empty_partition_needs_no_output(load):
    rows, account = load({}, shards=[])
    assert (rows, account.rows, account.answers) == ([], 0, 0)


def test_values_outside_their_bounds_may_be_left_to_the_checks(load):
    outputs = {**OUTPUTS, "part-00001.csv": b"3,0.5,red,7\n"}
    rows, account = load(outputs, checks={"bounds": {"level": "warn"}})
    assert rows[2] == (3, 7.0)
    assert account.quarantined == ()


def many(name, first, count):
    """A shard of records by number, each of which is answered with 0.5."""
    numbers = range(first, first + count)
    lines = [f"{number},0.5,red".encode() for number in numbers]
    answers = b"".join(line + b",0.5\n" for line in lines)
    return Sent(name, b"\n".join([*lines, b""]), numbers[:1], numbers[-1:]), answers


def test_small_shards_of_many_rows_together_are_staged_once(load, monkeypatch):
    monkeypatch.setattr(reconcile, "_FEW", 5)
    shards, answers = zip(*(many(f"{n}.csv", n * 3, 3) for n in range(5)), strict=True)
    rows, account = load(dict(zip((s.name for s in shards), answers, strict=True)), shards=shards)
    assert rows == [(number, 0.5) for number in range(15)]
    assert account.answers == 15


@pytest.fixture
def staged_over(make_pipeline, objects):
    """Stage what a coverage says, which is changed from that of a job of one shard."""

    def staged_over(records, change, quarantined=()):
        pipeline = make_pipeline()
        shard, answers = many("part.csv", 0, records)
        index = put(objects, pipeline, [shard], {"part.csv": answers})
        coverage = covered(index, a_job(), objects)
        coverage = coverage.model_copy(
            update={"parts": tuple(change(*coverage.parts)), "quarantined": quarantined}
        )
        with staging(columns_of(pipeline.settings, index)) as staged:
            stage_outputs(pipeline, index, objects, coverage, staged)
            return rows_of(staged)

    return staged_over


@pytest.mark.parametrize("records", [20, 1200])  # by lines, and by whole columns
def test_of_a_record_that_was_sent_again_the_later_answer_counts(staged_over, objects, records):
    piece = b"4,0.5,red\n"
    objects.put(INPUTS / "piece", piece)
    objects.put(WRITTEN / "piece.answer", b"4,0.5,red,0.75\n")

    def sent_again(whole):
        sent = a_shard("piece", piece)
        yield whole.model_copy(update={"elsewhere": (5,)})
        yield Part(sent=sent, sent_at=str(INPUTS / "piece"), shard="part.csv", first=4,
                   answered_at=str(WRITTEN / "piece.answer"))  # fmt: skip

    rows = staged_over(records, sent_again)
    assert sorted(rows) == [(n, 0.75 if n == 4 else 0.5) for n in range(records)]


def test_a_record_that_was_given_up_is_accounted_for_without_a_row(staged_over):
    bad = Quarantined(shard="part.csv", line=5, id=("4",), record="4,0.5,red", reason="no")
    rows = staged_over(20, lambda whole: [whole.model_copy(update={"elsewhere": (5,)})], (bad,))
    assert sorted(rows) == [(n, 0.5) for n in range(20) if n != 4]


def test_nothing_is_staged_where_records_are_not_covered(staged_over):
    with pytest.raises(OutputError, match=r"part\.csv: records 5 to 5 are not covered"):
        staged_over(20, lambda whole: [whole.model_copy(update={"elsewhere": (5,)})])
