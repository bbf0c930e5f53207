"""Properties of splitting, packing, filtering and joining, against naive versions."""

import csv
import gzip
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagemaker_lab.samples import in_chunks, plan, recordio, tfrecord
from sagemaker_local.agent import csvrows, jsonvalues, split
from sagemaker_local.agent.errors import PathError, RecordError
from sagemaker_local.agent.gunzip import gunzip
from sagemaker_local.agent.jsonpath import JsonPath
from sagemaker_local.agent.pack import Item, Packer, Packing, pack
from sagemaker_local.agent.processing import Processor

UNHURRIED = settings(deadline=None, max_examples=200)


sizes = st.lists(st.integers(1, 40), min_size=1, max_size=5)
newlines = st.lists(st.sampled_from([b"\n", b"a", b"bb", b"\r\n", b"ccccc", b'"']), max_size=60)
texts = st.one_of(st.binary(max_size=200), newlines.map(b"".join))


@UNHURRIED
@given(data=texts, sizes=sizes, limit=st.none() | st.integers(201, 400), single=st.booleans())
def test_lines_of_an_echo_model_are_the_object(data, sizes, limit, single):
    packing = Packing(split_type="Line", single=single, limit=limit)
    assert echoed(Packer(packing=packing).batches(in_chunks(data, sizes))) == data


@UNHURRIED
@given(data=st.binary(max_size=200), sizes=sizes)
def test_a_whole_object_of_an_echo_model_is_the_object(data, sizes):
    packing = Packing(split_type="None", single=False, limit=200)
    assert echoed(Packer(packing=packing).batches(in_chunks(data, sizes))) == data


@pytest.mark.parametrize(("kind", "framed"), [("TFRecord", tfrecord), ("RecordIO", recordio)])
@UNHURRIED
@given(
    records=st.lists(st.binary(max_size=30), max_size=12), sizes=sizes, limit=st.integers(60, 200)
)
def test_frames_of_an_echo_model_are_the_object(kind, framed, records, sizes, limit):
    data = framed(records)
    packing = Packing(split_type=kind, single=False, limit=limit)
    assert echoed(Packer(packing=packing).batches(in_chunks(data, sizes))) == data
    alone = Packing(split_type=kind, single=True, limit=limit)
    batches = Packer(packing=alone).batches(in_chunks(data, sizes))
    assert [batch.body for batch in batches] == records


@UNHURRIED
@given(parts=st.lists(st.binary(max_size=20), min_size=1, max_size=4))
def test_a_recordio_record_in_several_parts(parts):
    magic = split.RECORDIO_MAGIC.to_bytes(4, "little")
    flags = [0] if len(parts) == 1 else [1, *[2] * (len(parts) - 2), 3]
    data = b"".join(
        magic + (flag << 29 | len(part)).to_bytes(4, "little") + part + b"\0" * (-len(part) % 4)
        for flag, part in zip(flags, parts, strict=True)
    )
    (frame,) = split.recordio_frames(split.Buffered(iter([data])), None)
    assert split.recordio_payload(frame) == magic.join(parts)


@UNHURRIED
@given(data=texts, sizes=sizes, limit=st.integers(1, 60), single=st.booleans())
def test_packing_keeps_the_limit_and_the_order_and_sends_nothing_empty(data, sizes, limit, single):
    packing = Packing(split_type="Line", single=single, limit=limit)
    bodies, error = [], None
    try:
        bodies.extend(
            batch.body for batch in Packer(packing=packing).batches(in_chunks(data, sizes))
        )
    except RecordError as caught:
        error = caught
    too_long = [line for line in split.lines_of(data) if len(line.removesuffix(b"\n")) > limit]
    assert (error is not None) == bool(too_long)
    assert all(0 < len(body) <= limit for body in bodies)
    if error is None and not single:
        assert [body.removesuffix(b"\n") for body in bodies] == [
            body.removesuffix(b"\n") for body in naively_packed(split.lines_of(data), limit)
        ]
    if error is None and single:
        assert len(bodies) == len(split.lines_of(data))


@UNHURRIED
@given(records=st.lists(st.binary(min_size=1, max_size=12), max_size=20), limit=st.integers(12, 40))
def test_packing_of_filtered_records_is_greedy(records, limit):
    packing = Packing(split_type="RecordIO", single=False, limit=limit)
    batches = list(pack([Item(record, record) for record in records], packing))
    assert [batch.body for batch in batches] == naively_packed(records, limit)
    assert [record for batch in batches for record in batch.records] == records


def naively_packed(lines, limit):
    """Greedy packing, one line after another."""
    batches = []
    for line in lines:
        if batches and len(batches[-1]) + len(line) <= limit:
            batches[-1] += line
        else:
            batches.append(line)
    return batches


@UNHURRIED
@given(members=st.lists(st.binary(max_size=300), min_size=1, max_size=3), sizes=sizes)
def test_gunzip_reads_what_gzip_wrote(members, sizes):
    data = b"".join(gzip.compress(member) for member in members)
    assert b"".join(gunzip(in_chunks(data, sizes)())) == b"".join(members)


@UNHURRIED
@given(data=st.binary(min_size=1, max_size=300), cut=st.integers(1, 20), sizes=sizes)
def test_gunzip_notices_an_object_cut_off(data, cut, sizes):
    whole = gzip.compress(data)
    with pytest.raises(RecordError, match="Failed to decompress"):
        list(gunzip(in_chunks(whole[: max(len(whole) - cut, 1)], sizes)()))


fields = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0"), max_size=12)
rows = st.lists(fields, min_size=1, max_size=6)


@UNHURRIED
@given(row=rows)
def test_csv_rows_survive_writing_and_reading(row):
    encoded = [field.encode() for field in row]
    line = csvrows.format_row(encoded)
    assert csvrows.parse_row(line) == encoded
    assert next(csv.reader(io.StringIO(line.decode())), [""]) == row


@UNHURRIED
@given(line=st.text('a,"b ', max_size=12))
def test_csv_is_refused_where_it_is_ambiguous(line):
    try:
        ours = [field.decode() for field in csvrows.parse_row(line.encode())]
    except csvrows.CsvError:
        ours = None
    if ours is not None:
        assert csvrows.parse_row(csvrows.format_row([each.encode() for each in ours])) == [
            each.encode() for each in ours
        ]
    if '"' not in line:
        assert ours == line.split(",")


plain = st.text("ab c9.", max_size=5)
tables = st.integers(1, 6).flatmap(
    lambda width: st.lists(st.lists(plain, min_size=width, max_size=width), min_size=1, max_size=6)
)
bounds = st.none() | st.integers(-7, 7)


def as_text(bound):
    return "" if bound is None else str(bound)


@UNHURRIED
@given(table=tables, start=bounds, end=bounds)
def test_slices_are_python_slices(table, start, end):
    path = JsonPath(f"$[{as_text(start)}:{as_text(end)}]")
    for row in table:
        encoded = [each.encode() for each in row]
        if encoded[start:end]:
            assert path.of_row(encoded) == encoded[start:end]
            assert path.of_json(row) == row[start:end]
        else:
            with pytest.raises(PathError):
                path.of_row(encoded)


@UNHURRIED
@given(
    table=tables, chosen=st.lists(st.integers(-7, 7), min_size=1, max_size=4), blank=st.booleans()
)
def test_indexes_are_python_indexes(table, chosen, blank):
    path = JsonPath("$[" + (", " if blank else ",").join(map(str, chosen)) + "]")
    for row in table:
        encoded = [each.encode() for each in row]
        try:
            expected = [encoded[index] for index in chosen]
        except IndexError:
            with pytest.raises(PathError, match="is outside"):
                path.of_row(encoded)
        else:
            assert path.of_row(encoded) == expected


@UNHURRIED
@given(
    table=tables,
    replies=st.lists(plain.filter(bool), min_size=6, max_size=6),
    kept=st.sampled_from(["$", "$[0]", "$[-1]", "$[0,-1]", "$[1:]"]),
    single=st.booleans(),
)
def test_csv_join_and_filter_against_a_naive_one(table, replies, kept, single):
    replies = replies[: len(table)]
    processor = Processor(plan("text/csv", output_filter=kept, join=True))
    block = "".join(",".join(row) + "\n" for row in table).encode()
    records = block if not single else split.lines_of(block)
    ours = processor.output(records, "\n".join(replies).encode())
    joined = [[*row, reply] for row, reply in zip(table, replies, strict=True)]
    picks = {
        "$": lambda row: row,
        "$[0]": lambda row: row[:1],
        "$[-1]": lambda row: row[-1:],
        "$[0,-1]": lambda row: [row[0], row[-1]],
        "$[1:]": lambda row: row[1:],
    }
    assert ours.decode() == "".join(",".join(picks[kept](row)) + "\n" for row in joined)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=10,
)


@UNHURRIED
@given(value=values)
def test_json_is_written_compact_and_sorted(value):
    text = json.dumps(value)
    naive = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert jsonvalues.dump(jsonvalues.parse(text.encode())) == naive.encode()


@UNHURRIED
@given(values=st.lists(values, max_size=5), between=st.sampled_from(["\n", "\n\n", "  ", "\r\n"]))
def test_json_texts_one_after_another(values, between):
    text = between.join(map(json.dumps, values))
    assert jsonvalues.parse_stream(text.encode()) == values


@UNHURRIED
@given(
    records=st.lists(values, min_size=1, max_size=5),
    outputs=st.lists(values, min_size=5, max_size=5),
)
def test_json_join_against_a_naive_one(records, outputs):
    outputs = outputs[: len(records)]
    processor = Processor(plan("application/jsonlines", join=True))
    block = "".join(json.dumps(record) + "\n" for record in records).encode()
    ours = processor.output(block, "\n".join(map(json.dumps, outputs)).encode())
    lines = []
    for record, output in zip(records, outputs, strict=True):
        joined = (
            {**record, "SageMakerOutput": output}
            if isinstance(record, dict)
            else {"SageMakerInput": record, "SageMakerOutput": output}
        )
        lines.append(json.dumps(joined, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
    assert ours.decode() == "".join(line + "\n" for line in lines)


@pytest.mark.parametrize("output_filter", ["$", "$[0]"])
@pytest.mark.parametrize("content_type", ["text/csv", "application/jsonlines"])
@UNHURRIED
@given(count=st.integers(0, 4))
def test_a_join_needs_one_output_for_each_record(content_type, output_filter, count):
    path = output_filter if content_type == "text/csv" else "$"
    processor = Processor(plan(content_type, join=True, output_filter=path))
    reply = b"7\n" * count
    if count == 2:
        assert len(processor.output(b"1\n2\n", reply).splitlines()) == 2
    else:
        with pytest.raises(RecordError, match="mismatched line count"):
            processor.output(b"1\n2\n", reply)


def echoed(batches):
    """What an echo model makes of requests, assembled with None."""
    return b"".join(
        batch.body if isinstance(batch.body, bytes) else b"".join(batch.body()) for batch in batches
    )
