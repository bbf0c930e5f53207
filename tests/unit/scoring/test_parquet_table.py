"""Parquet files as one table: the same records whatever files its rows are in, and in slices."""

import random
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Literal

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from batch_transform.scoring.errors import SourceError
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.kinds import Column
from batch_transform.scoring.names import RunLayout, S3Uri
from batch_transform.scoring.pipeline.record import Policies
from batch_transform.scoring.sources.files import sorting
from batch_transform.scoring.sources.files.carriers import Carrier
from batch_transform.scoring.sources.files.file_source import FileSource
from batch_transform.scoring.sources.files.spelling import spelled
from batch_transform.scoring.sources.protocol import unchanged
from batch_transform.scoring.sources.reshape import Reshape
from batch_transform.scoring.sources.slices import slices
from batch_transform.scoring.testing import InMemoryObjects, RowsSource

COLUMNS = ["apple_id", "whole", "exact", "ratio", "flag", "day", "moment", "words"]
TYPES = [
    *(pa.int64(), pa.int64(), pa.decimal128(38, 9), pa.float64(), pa.bool_(), pa.date32()),
    *(pa.timestamp("us", "UTC"), pa.string()),
]
LENIENT = {"nan": "empty", "infinity": "empty", "line_break": "space", "nul": "drop"}


def body_of(rows, columns=COLUMNS, types=TYPES):
    """One file of these rows, its row groups small."""
    arrays = [
        pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), types, strict=True)
    ]
    file = BytesIO()
    parquet.write_table(pa.table(arrays, names=columns), file, row_group_size=3)
    return file.getvalue()


def written(pipeline, partition, source, objects):
    """The records of an extract, and its index."""
    layout = RunLayout.of(S3Uri("bucket", "runs"), "apples", "2013-06-01", str(random.random()))
    index = extract(pipeline, partition, source, objects, layout)
    bodies = [objects.get(layout.input / shard.name) for shard in index.shards]
    return b"".join(bodies).decode(), index


@pytest.fixture
def make(make_file_pipeline):
    def make(record_format="csv", columns=COLUMNS, folders="", **changes):
        record = {"format": record_format, "id": columns[:1], "features": columns[1:]}
        record |= changes.pop("record", {})
        source = {"files": f"s3://lake/{{{{ partition }}}}/{folders}*", "format": "parquet"}
        return make_file_pipeline(source, record=record, **changes)

    return make


@pytest.fixture
def read(partition):
    """The records of files, given as names and bodies, and the index."""

    def read(pipeline, files, part=None, reshape=unchanged):
        objects = InMemoryObjects()
        for name, body in files.items():
            objects.put(S3Uri("lake", f"2013-06-01/{name}"), body)
        number = None if part is None else slices(pipeline.settings.extract)[part]
        return written(pipeline, partition, FileSource(objects, reshape, number), objects)

    return read


@pytest.fixture
def expect(partition):
    """The records of rows in the order of their ids, by the encoder alone, and the index."""

    def expect(pipeline, rows, part=None):
        ordered = sorted(rows, key=lambda row: key_of(row[0]))
        number = None if part is None else slices(pipeline.settings.extract)[part]
        return written(pipeline, partition, RowsSource(COLUMNS, ordered, number), InMemoryObjects())

    return expect


def key_of(identity):
    return identity.encode() if isinstance(identity, str) else identity


LARGE = st.integers(-(10**41), 10**41).map(float)  # where texts are halfway between two
ODD = st.sampled_from([0.0, -0.0, 1e15, 999999999999999.9, 1e16, 2.0**53, 5e22, 1e40, 5e-324])
UNUSUAL = st.sampled_from("é🍏\u2028\ufeff")
HAZARDS = st.text(st.characters(max_codepoint=0x7F) | UNUSUAL, max_size=9)
cells = st.tuples(
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.decimals(-(10**28), 10**28, places=9),
    st.none() | st.floats() | LARGE | ODD,
    st.none() | st.booleans(),
    st.none() | st.dates(),
    st.none() | st.datetimes(timezones=st.just(UTC)),
    st.none() | HAZARDS,
)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=4)
CUTS = {
    "integer": [{"slices": 3}, {"ranges": [-(2**62), 0, 1]}],
    "text": [{"ranges": ["'", "M", "é"]}],
}


@st.composite
def tables(draw):
    kind = draw(st.sampled_from(sorted(CUTS)))
    identities = INTEGERS if kind == "integer" else TEXTS
    ids = draw(st.lists(identities, min_size=1, max_size=15, unique=True))
    rows = [(identity, *draw(cells)) for identity in ids]
    files = [draw(st.integers(0, 2)) for _ in rows]
    return kind, rows, files, draw(st.sampled_from(CUTS[kind]))


def in_files(kind, rows, files):
    types = [pa.string() if kind == "text" else pa.int64(), *TYPES[1:]]
    lots = {}
    for row, number in zip(rows, files, strict=True):
        lots.setdefault(number, []).append(row)
    return {f"part-{number}": body_of(lot, types=types) for number, lot in lots.items()}


@pytest.mark.parametrize("record_format", ["csv", "jsonl"])
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(table=tables(), part=st.integers(0, 9))
def test_any_layout_of_the_same_rows_gives_the_bytes_that_the_encoder_writes(
    record_format, table, part, make, read, expect
):
    kind, rows, files, cut = table
    pipeline = make(record_format, record={"policies": LENIENT}, extract=cut)
    pipeline = pipeline.model_copy(update={"contract": tuple(map(named, COLUMNS, [kind, *KINDS]))})
    laid_out = in_files(kind, rows, files)
    assert read(pipeline, laid_out) == expect(pipeline, rows)
    number = part % pipeline.settings.extract.count
    assert read(pipeline, laid_out, number) == expect(pipeline, rows, number)


class LaterPolicies(Policies):
    blank: Literal["keep", "empty"] = "keep"


@pytest.mark.parametrize(("policies", "by_duckdb"), [({"blank": "empty"}, False), (LENIENT, True)])
def test_a_policy_that_is_not_known_to_duckdb_leaves_every_row_to_the_encoder(
    make, policies, by_duckdb
):
    record = make().settings.record
    changed = record.model_copy(update={"policies": LaterPolicies(**policies)})
    carriers = [Carrier(kind="integer", arrow=pa.int64()) for _ in record.columns]
    rows = duckdb.sql(f"SELECT {spelled(carriers, changed).written} FROM (SELECT 'x' AS f0)")
    assert rows.fetchall() == [(by_duckdb,)]


KINDS = ["integer", "decimal", "float", "boolean", "date", "timestamp", "text"]


def named(name, kind):
    return Column(name=name, kind=kind)


def test_two_layouts_of_the_same_rows_give_the_same_shards(make, read):
    rows = [(number, *[None] * 5, None, str(number)) for number in range(40)]
    shuffled = random.Random(1).sample(rows, len(rows))
    pipeline = make()
    one = read(pipeline, {"a": body_of(rows)})
    assert read(pipeline, {"z": body_of(shuffled[:7]), "b": body_of(shuffled[7:])}) == one
    assert [line.split(",")[0] for line in one[0].splitlines()] == [str(row[0]) for row in rows]


def apples(ids, weight=None, kind=None, weights=None):
    weights = weights or [weight] * len(ids)
    kind = kind or pa.float64()
    return body_of(list(zip(ids, weights, strict=True)), ["apple_id", "weight"], [pa.int64(), kind])


NARROW = ["apple_id", "weight"]


SMALL = f"1,0.5{'0' * 37}\n2,0.{'0' * 38}\n"
DAY = date(2013, 6, 1)
NOON = datetime(2013, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "second", "lines"),
    [
        ((pa.int32(), 7), (pa.uint64(), 2**64 - 1), "1,7\n2,18446744073709551615\n"),
        ((pa.uint64(), 2**64 - 1), (pa.int8(), -7), "1,18446744073709551615\n2,-7\n"),
        ((pa.decimal128(4, 2), "1.5"), (pa.decimal128(9, 4), "1.5"), "1,1.50\n2,1.5000\n"),
        ((pa.decimal128(2, 2), "0.5"), (pa.decimal128(9, 2), "-0.25"), "1,0.50\n2,-0.25\n"),
        ((pa.decimal128(38, 38), "0.5"), (pa.decimal128(38, 38), "0"), SMALL),
        ((pa.decimal256(76, 2), "1"), (pa.decimal128(9, 2), "1"), "1,1.00\n2,1.00\n"),
        ((pa.null(), None), (pa.int16(), 7), "1,\n2,7\n"),
        ((pa.bool_(), True), (pa.null(), None), "1,true\n2,\n"),
        ((pa.float16(), 0.5), (pa.float32(), 0.1), "1,0.5\n2,0.10000000149011612\n"),
        ((pa.string(), "a"), (pa.large_string(), "b,"), '1,a\n2,"b,"\n'),
        ((pa.dictionary(pa.int8(), pa.string()), "a"), (pa.string(), ""), '1,a\n2,""\n'),
        ((pa.date64(), DAY), (pa.date32(), date(1, 1, 1)), "1,2013-06-01\n2,0001-01-01\n"),
        (
            (pa.timestamp("s", "UTC"), NOON),
            (pa.timestamp("ns", "Asia/Tokyo"), NOON.replace(microsecond=50)),
            "1,2013-06-01T12:00:00+00:00\n2,2013-06-01T12:00:00.00005+00:00\n",
        ),
    ],
)  # fmt: skip
def test_files_with_other_types_of_one_kind_are_read_as_each_is(make, read, first, second, lines):
    def file(number, kind, value):
        exact = Decimal(value) if pa.types.is_decimal(kind) else value
        return apples([number], exact, kind)

    files = {"a": file(1, *first), "b": file(2, *second)}
    assert read(make(columns=NARROW), files)[0] == lines
    swapped = {"a": file(2, *second), "b": file(1, *first)}
    assert read(make(columns=NARROW), swapped)[0] == lines


def test_a_kind_that_a_later_file_shows_is_in_the_index(make, read):
    files = {"a": apples([1], None, pa.null()), "b": apples([2], 7, pa.int16())}
    assert read(make(columns=NARROW), files)[1].types == ("integer", "integer")
    del files["b"]
    assert read(make(columns=NARROW), files)[1].types == ("integer", None)


def test_unsigned_ids_beyond_a_bigint_are_cut_and_ordered_too(make, read):
    def file(ids):
        return body_of([(each, 0.5) for each in ids], NARROW, [pa.uint64(), pa.float64()])

    files = {"a": apples([7, -2], 0.5), "b": file([2**64 - 1, 0])}
    pipeline = make(columns=NARROW, extract={"slices": 2})
    assert read(pipeline, files)[0] == "-2,0.5\n0,0.5\n7,0.5\n18446744073709551615,0.5\n"
    assert read(pipeline, files, 1)[0] == "7,0.5\n18446744073709551615,0.5\n"


def test_lists_and_structs_are_sorted_with_their_rows(make, read):
    kind = pa.struct([("tags", pa.list_(pa.string())), ("at", pa.timestamp("us", "UTC"))])
    values = [{"tags": ["a", None], "at": NOON}, None, {"tags": [], "at": None}]
    body = apples([3, 1, 2], kind=kind, weights=values)
    assert read(make("jsonl", NARROW), {"a": body})[0] == (
        '{"apple_id":1,"weight":null}\n'
        '{"apple_id":2,"weight":{"tags": [], "at": null}}\n'
        '{"apple_id":3,"weight":{"tags": ["a", null], "at": "2013-06-01T12:00:00+00:00"}}\n'
    )


@pytest.fixture
def refused(read):
    def refused(*args, **more):
        with pytest.raises(SourceError) as refusal:
            read(*args, **more)
        return str(refusal.value)

    return refused


def test_an_id_that_comes_twice_is_named_whatever_files_and_batches_it_is_in(
    make, refused, monkeypatch
):
    monkeypatch.setattr(sorting, "_ROWS", 2)
    words = "Two rows have the same apple_id={}; an id names one row"
    for doubled in (1, 2, 3, 4):
        files = {"a": apples([1, 2, 3, 4]), "b": apples([doubled])}
        assert refused(make(columns=NARROW), files) == words.format(doubled)
    texts = body_of([("é", 1), ("a", 2), ("é", 3)], NARROW, [pa.string(), pa.int64()])
    assert refused(make(columns=NARROW), {"a": texts}) == words.format("'é'")


def test_an_id_of_two_columns_is_one_id(make, read, refused):
    columns = ["apple_id", "tree", "weight"]
    types = [pa.int64(), pa.string(), pa.int64()]
    pipeline = make(columns=columns, record={"id": columns[:2], "features": columns[2:]})
    body = body_of([(2, "a", 1), (1, "b", 2), (1, "a", 3)], columns, types)
    assert read(pipeline, {"a": body})[0] == "1,a,3\n1,b,2\n2,a,1\n"
    doubled = body_of([(2, "a", 1), (1, "b", 2), (2, "a", 3)], columns, types)
    assert "the same apple_id=2, tree='a'; an id" in refused(pipeline, {"a": doubled})


@pytest.mark.parametrize("cut", [{}, {"slices": 2}])
def test_an_id_that_is_null_is_refused_by_the_first_slice(make, refused, cut):
    pipeline = make(columns=NARROW, extract=cut)
    words = refused(pipeline, {"a": apples([1, None, 4])}, 0 if cut else None)
    assert words.startswith("The id column apple_id holds NULL; an id is an integer or a text")


@pytest.mark.parametrize(
    ("column", "complaint"),
    [
        (pa.array([b"x\xff"]).view(pa.string()), "holds text that is not UTF-8"),
        (pa.array([b"x"]), "holds a value of type bytes"),
        (pa.array([date(2013, 6, 1)]), "holds date; an id is an integer or a text"),
        (pa.array([Decimal("1.0")]), "holds decimal; an id is an integer or a text"),
        (pa.array([[1]]), "holds nested; an id is an integer or a text"),
        (pa.array(["a\nb"]), "holds text with a line break"),
    ],
)
def test_an_id_that_is_none_is_refused(make, refused, column, complaint):
    file = BytesIO()
    parquet.write_table(pa.table({"apple_id": column, "weight": [1]}), file)
    pipeline = make(columns=NARROW, record={"policies": LENIENT})
    assert complaint in refused(pipeline, {"a": file.getvalue()})


@pytest.mark.parametrize(
    ("kind", "value", "cut", "complaint"),
    [
        (pa.string(), "x", {"slices": 2}, "give texts as extract.ranges"),
        (pa.int64(), 1, {"ranges": ["a"]}, "use extract.slices"),
        (pa.date32(), date(2013, 6, 1), {"slices": 2}, "only ids that are integer: cast it"),
        (pa.binary(), b"x", {"slices": 2}, "The id column apple_id is binary, and slices cut only"),
    ],
)
def test_ids_that_slices_cannot_cut_are_refused(make, refused, kind, value, cut, complaint):
    body = body_of([(value, 1)], NARROW, [kind, pa.int64()])
    assert complaint in refused(make(columns=NARROW, extract=cut), {"a": body}, 1)


BY_FOLDER = {"columns": NARROW, "folders": "slice={{ slice }}/", "extract": {"slices": 2}}


def test_folders_of_slices_give_what_cutting_by_id_gives(make, read):
    rows = {"a": apples([5, 2, 9], 1.5), "b": apples([1, 4], 2.5)}
    folders = {"slice=1/a": apples([9, 5], 1.5), "slice=1/b": apples([1], 2.5)}
    folders |= {"slice=00/a": apples([4], 2.5), "slice=00/c": apples([2], 1.5)}
    by_id = make(columns=NARROW, extract={"slices": 2})
    for part in (0, 1):
        lines, index = read(make(**BY_FOLDER), folders, part)
        others, other = read(by_id, rows, part)
        assert (lines, index.shards, index.part) == (others, other.shards, other.part)


def test_a_slice_without_files_is_empty_and_a_day_without_any_has_not_come(make, read, refused):
    lines, index = read(make(**BY_FOLDER), {"slice=1/a": apples([1], 1.5)}, 0)
    assert (lines, index.records, index.part.number) == ("", 0, 0)
    assert "No file of partition 2013-06-01 matches" in refused(make(**BY_FOLDER), {}, 0)


def test_a_folder_of_no_slice_and_a_row_in_another_ones_are_refused(make, refused):
    pipeline = make(**BY_FOLDER)
    files = {"slice=0/a": apples([2]), "slice=2/a": apples([4])}
    assert refused(pipeline, files, 0) == (
        "s3://lake/2013-06-01/slice=2/a is of slice 2, and extract makes slices 0 to 1; correct"
        " extract.slices or extract.ranges"
    )
    words = refused(pipeline, {"slice=0/a": apples([2, 7])}, 0)
    assert words.startswith("The row with apple_id = 7 is in the files of slice 0, which has the")
    words = refused(pipeline, {"slice=1/a": apples([1, None])}, 1)
    assert words.startswith("The id column apple_id holds NULL")


def test_a_broken_file_is_named_however_late_it_comes(make, refused):
    files = {"a": apples(range(20_000)), "b": b"nothing"}
    words = refused(make(columns=NARROW), files)
    assert words.startswith("s3://lake/2013-06-01/b: it cannot be read as Parquet")


@pytest.fixture
def reshape(tmp_path):
    def reshape(text):
        path = tmp_path / "reshape.py"
        path.write_text(f"import pandas\n\n\ndef reshape(frame):\n    {text}\n    return frame\n")
        return path, Reshape(path)

    return reshape


def test_reshape_sees_the_rows_of_a_slice_in_the_order_of_their_ids(make, read, reshape):
    path, function = reshape("frame['weight'] = frame['apple_id'].cumsum()")
    pipeline = make(columns=NARROW, extract={"slices": 2}).model_copy(update={"reshape": path})
    files = {"a": apples([5, 2, 3]), "b": apples([1, 9], 7.0)}
    assert read(pipeline, files, 1, function)[0] == "1,1\n3,4\n5,9\n9,18\n"


def test_reshape_may_make_the_ids_of_rows_as_they_stand_but_not_of_slices(
    make, read, refused, reshape
):
    path, function = reshape(
        "frame = pandas.DataFrame({'apple_id': frame['grams'] * 2, 'weight': frame['grams']})"
    )
    types = {
        "a": body_of([(7,), (3,)], ["grams"], [pa.int64()]),
        "b": body_of([(1,)], ["grams"], [pa.int64()]),
    }
    pipeline = make(columns=NARROW).model_copy(update={"reshape": path})
    assert read(pipeline, types, reshape=function)[0] == "14,7\n6,3\n2,1\n"
    pipeline = make(columns=NARROW, extract={"slices": 2}).model_copy(update={"reshape": path})
    words = refused(pipeline, types, 0, function)
    assert words.endswith("a: it has no column apple_id, the id by which slices are cut")


def test_text_files_are_not_cut_and_folders_of_slices_need_their_number(make_file_pipeline):
    pattern = {"files": "s3://lake/{{ partition }}/{{ slice }}/*", "format": "parquet"}
    with pytest.raises(ValueError, match="has {{ slice }}, so extract.slices or extract.ranges"):
        make_file_pipeline(pattern)
    text = {"files": "s3://lake/{{ partition }}/*", "format": "csv"}
    with pytest.raises(ValueError, match="or of Parquet; csv is read by one task"):
        make_file_pipeline(text, extract={"slices": 2})
    with pytest.raises(ValueError, match="the pattern has {{ slice }} more than once"):
        make_file_pipeline({**pattern, "files": pattern["files"].replace("*", "{{slice}}")})
