"""Which files are read, in which columns, and what is refused: on the object store in memory."""

import ast
import gzip
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO

import pyarrow as pa
import pytest
from pyarrow import parquet

from batch_transform.scoring.errors import SourceChanged, SourceError
from batch_transform.scoring.extract import snapshot
from batch_transform.scoring.extract.extract import extract
from batch_transform.scoring.kinds import Column
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.records import encoder as records
from batch_transform.scoring.sources.files.file_source import FileSource
from batch_transform.scoring.sources.reshape import Reshape

COLUMNS = ["apple_id", "weight", "colour"]
KINDS = ["integer", "decimal", "text"]


@pytest.fixture
def extracted(make_file_pipeline, objects, layout, partition, tmp_path):
    """The records of the files that were put below today's folder, and the index."""

    def extracted(file_format, contract=None, reshape=None, record=None, **settings):
        source = {"files": "s3://lake/{{ partition }}/*", "format": file_format, **settings}
        known = contract and tuple(
            Column(name=name, kind=kind) for name, kind in zip(COLUMNS, contract, strict=True)
        )
        pipeline = make_file_pipeline(source, record=record or {})
        pipeline = pipeline.model_copy(update={"contract": known})
        if reshape is None:
            lent = FileSource(objects)
        else:
            (tmp_path / "reshape.py").write_text(reshape)
            pipeline = pipeline.model_copy(update={"reshape": tmp_path / "reshape.py"})
            lent = FileSource(objects, Reshape(tmp_path / "reshape.py"))
        index = extract(pipeline, partition, lent, objects, layout)
        bodies = [objects.get(layout.input / shard.name) for shard in index.shards]
        return b"".join(bodies).decode(), index

    return extracted


@pytest.fixture
def put(objects):
    def put(name, body):
        objects.put(S3Uri("lake", f"2013-06-01/{name}"), body)

    return put


@pytest.fixture
def refused(extracted, objects):
    """The words in which an extract is refused; it wrote nothing."""

    def refused(*args, **settings):
        before = dict(objects.content)
        with pytest.raises(SourceError) as refusal:
            extracted(*args, **settings)
        assert objects.content == before
        assert "secret" not in str(refusal.value)
        return str(refusal.value)

    return refused


def parquet_bytes(table):
    file = BytesIO()
    parquet.write_table(table if isinstance(table, pa.Table) else pa.table(table), file)
    return file.getvalue()


def apples(first, count=1):
    numbers = list(range(first, first + count))
    return {"apple_id": numbers, "weight": [0.5] * count, "colour": ["red"] * count}


def as_parquet(rows):
    return parquet_bytes(rows)


def as_csv(rows):
    lines = [",".join(rows), *(",".join(map(str, row)) for row in zip(*rows.values(), strict=True))]
    return "".join(f"{line}\n" for line in lines).encode()


def as_jsonl(rows):
    lines = [
        json.dumps(dict(zip(rows, row, strict=True))) for row in zip(*rows.values(), strict=True)
    ]
    return "".join(f"{line}\n" for line in lines).encode()


WRITERS = {"parquet": as_parquet, "csv": as_csv, "jsonl": as_jsonl}
every_format = pytest.mark.parametrize("file_format", WRITERS)


@pytest.mark.parametrize("file_format", ["csv", "jsonl"])
def test_files_come_in_the_order_of_their_keys_and_rows_as_they_stand(
    extracted, put, objects, file_format
):
    write = WRITERS[file_format]
    put("b", write(apples(1)))
    put("a", write(apples(7, 2)))
    put("_SUCCESS", b"")
    objects.put(S3Uri("lake", "2013-06-02/a"), b"another day's")
    body, index = extracted(file_format)
    assert body == "7,0.5,red\n8,0.5,red\n1,0.5,red\n"
    assert (index.records, index.shards[0].first_id[0]) == (3, "7" if file_format == "csv" else 7)


@every_format
def test_the_records_columns_are_found_by_name_in_every_file(extracted, put, file_format):
    write = WRITERS[file_format]
    put("a", write({"smell": ["sweet"], "colour": ["red"], "weight": [1.5], "apple_id": [1]}))
    put("b", write(apples(2)))
    assert extracted(file_format)[0] == "1,1.5,red\n2,0.5,red\n"


@every_format
def test_no_file_is_an_error_and_files_without_rows_are_none(extracted, refused, put, file_format):
    words = refused(file_format)
    assert "No file of partition 2013-06-01 matches s3://lake/{{ partition }}/*: the data" in words
    none = pa.table(apples(1)).slice(0, 0)
    without = {"parquet": parquet_bytes(none), "csv": b"apple_id,weight,colour\n", "jsonl": b"\n"}
    put("a", without[file_format])
    put("b", b"" if file_format == "jsonl" else without[file_format])
    body, index = extracted(file_format)
    assert (body, index.records, index.shards) == ("", 0, ())
    put("c", WRITERS[file_format](apples(1)))
    assert extracted(file_format)[0] == "1,0.5,red\n"


def test_a_header_alone_is_no_rows(extracted, put):
    put("a", b"apple_id,weight,colour")
    assert extracted("csv", KINDS)[1].types == ("integer", "decimal", "text")


@pytest.mark.parametrize("file_format", ["csv", "jsonl"])
def test_text_may_be_gzip_of_several_members_and_begin_with_a_mark(extracted, put, file_format):
    body = WRITERS[file_format](apples(1, 2))
    put("a", gzip.compress(b"\xef\xbb\xbf" + body[:20]) + gzip.compress(body[20:]))
    assert extracted(file_format)[0] == "1,0.5,red\n2,0.5,red\n"


@pytest.mark.parametrize("cut", [-1, 30, -8, 5])
def test_gzip_that_was_cut_off_is_refused(refused, put, cut):
    put("a", gzip.compress(as_csv(apples(1, 500)))[:cut])
    assert "s3://lake/2013-06-01/a: it cannot be read to its end as gzip" in refused("csv")


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_a_file_that_lacks_a_column_is_refused_side_by_side(refused, put, file_format):
    write = WRITERS[file_format]
    put("a", write({"apple_id": [1], "wait": [0.5], "colour": ["secret"]}))
    words = refused(file_format)
    assert words.startswith("s3://lake/2013-06-01/a: The source's columns are not those of the")
    assert "* weight" in words
    assert "wait" in words


def test_a_key_that_no_line_has_is_refused_and_one_that_some_lack_is_null(extracted, refused, put):
    put("a", b'{"apple_id": 1, "colour": "red"}\n{}\n'.replace(b"{}", b'{"apple_id": 2}'))
    assert "No line of the files has the key weight; was it renamed?" in refused("jsonl")
    put("b", b'\n{"apple_id": 3, "weight": null, "smell": "sweet"}')
    assert extracted("jsonl")[0] == "1,,red\n2,,\n3,,\n"


def test_kinds_are_held_to_the_contract_before_a_row_is_read(refused, put):
    put("a", parquet_bytes({**apples(1), "colour": [b"secret"], "weight": ["secret"]}))
    assert "* weight decimal    weight text" in refused("parquet", KINDS)


def test_a_column_of_another_kind_than_in_the_files_before_is_refused(refused, put):
    put("a", parquet_bytes(apples(1)))
    put("b", parquet_bytes({**apples(2), "weight": [1]}))
    words = refused("parquet")
    assert "2013-06-01/b: column weight is int64, where it is double in the files before" in words


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_a_column_that_comes_twice_is_refused(refused, put, file_format):
    table = pa.table([[1], [2], ["a"], ["b"]], names=["apple_id", "weight", "colour", "colour"])
    csv = b"apple_id,weight,colour,colour\n1,2,a,b\n"
    put("a", parquet_bytes(table) if file_format == "parquet" else csv)
    assert "s3://lake/2013-06-01/a: it has the column colour twice" in refused(file_format)


@pytest.mark.parametrize(
    ("file_format", "body", "complaint"),
    [
        ("parquet", b"", "it cannot be read as Parquet"),
        ("parquet", b"secret" * 10, "it cannot be read as Parquet"),
        ("csv", b"apple_id,weight,colour\n1,secret\n", "record 2 has 2 fields where there are 3"),
        ("csv", b'apple_id,weight,colour\n1,,"secret\n', "record 2 has a quote that is never"),
        ("csv", b'apple_id,weight,colour\n1,,se"cr"et\n', "record 2 has a quote that neither"),
        ("csv", b'apple_id,weight,colour\n1,,"sec"ret\n', "record 2 has a quote that neither"),
        ("jsonl", b'{"apple_id": 1}\n{"secret": \n', "line 2 is not a JSON object"),
        ("jsonl", b'\n"secret"\n', "line 2 is not a JSON object"),
        ("jsonl", b"[" * 100_000, "line 1 is not a JSON object"),
    ],
)
def test_a_file_of_another_format_is_named_with_the_place(
    refused, put, file_format, body, complaint
):
    put("a", body)
    assert f"s3://lake/2013-06-01/a: {complaint}" in refused(file_format)


def test_parquet_that_is_broken_in_the_middle_is_refused(refused, put):
    body = bytearray(parquet_bytes(apples(1, 5000)))
    body[4:400] = b"\xff" * 396
    put("a", bytes(body))
    assert "s3://lake/2013-06-01/a: it cannot be read as Parquet" in refused("parquet")


def test_csv_is_text_until_the_contract_says_what_it_is(extracted, put):
    put("a", b'apple_id,weight,colour\r\n007,0.10,"a ""b"", c"\r\n08,,""\r\n\r\n9,1e2,\r\n')
    assert extracted("csv")[0] == '007,0.10,"a ""b"", c"\n08,,""\n9,1e2,\n'
    body, index = extracted("csv", KINDS)
    assert body == '7,0.10,"a ""b"", c"\n8,,""\n9,100,\n'
    assert index.types == ("integer", "decimal", "text")


def test_csv_that_is_not_what_the_contract_says_is_refused_with_column_and_id(refused, put):
    put("a", b"apple_id,weight,colour\n7,secret,red\n")
    assert refused("csv", KINDS) == (
        "Row apple_id=7: column weight holds a text that is no decimal; correct the files, or the"
        " kind in contract.yaml"
    )
    put("a", b"apple_id,weight,colour\nsecret,1,red\n")
    assert "Row apple_id=(unreadable): column apple_id holds a text that is" in refused(
        "csv", KINDS
    )


@pytest.mark.parametrize("body", [b"", b"\n", b"\xef\xbb\xbf\r\n"])
def test_a_csv_file_without_the_header_that_it_should_have_is_refused(
    refused, extracted, put, body
):
    put("a", as_csv(apples(1)))
    put("b", body)
    assert "2013-06-01/b: it is empty, and has not even the header" in refused("csv")
    put("a", b"1,0.5,red\n")
    assert extracted("csv", header=False)[0] == "1,0.5,red\n"


@pytest.mark.parametrize(
    ("number", "contract", "complaint"),
    [
        ("1" * 5000, None, "a number larger than any float"),
        ("1" * 5000, ["integer", "integer", "text"], "a number larger than any float"),
        ("1" * 200_000, KINDS, "a number of more digits than any database keeps"),
        ("1e200000", KINDS, "a number of more digits than any database keeps"),
        ("1e99999999999999999999", None, "a number of more digits than any database keeps"),
        ("[1e200000]", ["integer", "nested", "text"], "a nested value with a number of more"),
        ("[" + "1" * 200_000 + "]", ["integer", "nested", "text"], "a nested value with a number"),
    ],
)
def test_a_number_of_json_that_is_too_long_is_refused_with_its_row(
    refused, put, number, contract, complaint
):
    put("a", f'{{"apple_id": 7, "weight": {number}, "colour": null}}'.encode())
    words = refused("jsonl", contract, record={"format": "jsonl"})
    assert f"Row apple_id=7: column weight holds {complaint}" in words


def test_long_numbers_of_json_keep_their_digits_where_they_are_decimals(extracted, put):
    put("a", f'{{"apple_id": 7, "weight": {"1" * 5000}, "colour": null}}'.encode())
    assert extracted("jsonl", KINDS)[0] == f"7,{'1' * 5000},\n"


def test_an_integer_of_csv_that_is_too_long_is_refused_with_its_row(refused, put):
    put("a", b"apple_id,weight,colour\n7," + b"1" * 5000 + b",red\n")
    words = refused("csv", ["integer", "integer", "text"])
    assert "Row apple_id=7: column weight holds a number of more digits" in words


NANOSECONDS = pa.timestamp("ns", "UTC")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ([1], pa.list_(NANOSECONDS)),
        ([1], pa.large_list(NANOSECONDS)),
        ([1, 2], pa.list_(NANOSECONDS, 2)),
        ([("k", 1)], pa.map_(pa.string(), NANOSECONDS)),
        ({"at": [1]}, pa.struct([("at", pa.large_list(NANOSECONDS))])),
    ],
    ids=lambda value: str(value)[:20],
)
def test_nanoseconds_inside_of_parquet_are_refused_and_microseconds_written(
    extracted, refused, put, value, kind
):
    jsonl = {"record": {"format": "jsonl"}}
    put("a", parquet_bytes({**apples(7), "weight": pa.array([value], kind)}))
    assert "Row apple_id=7: column weight holds a timestamp finer than" in refused(
        "parquet", **jsonl
    )
    whole = ast.literal_eval(repr(value).replace("1", "1000").replace("2", "2000"))
    put("a", parquet_bytes({**apples(7), "weight": pa.array([whole], kind)}))
    assert '"1970-01-01T00:00:00.000001+00:00"' in extracted("parquet", **jsonl)[0]


def test_a_struct_that_has_a_field_twice_is_called_that(refused, put):
    doubled = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    inside = pa.ListArray.from_arrays([0, 1], doubled)
    put("a", parquet_bytes({**apples(7), "weight": inside}))
    words = refused("parquet", record={"format": "jsonl"})
    assert "Row apple_id=7: column weight holds a struct that has a field twice" in words


def test_csv_without_a_header_has_the_columns_that_are_named(extracted, refused, put):
    put("a", b"red;2;7\n")
    names = ["colour", "weight", "apple_id"]
    settings = {"header": False, "delimiter": ";", "columns": names}
    assert extracted("csv", **settings)[0] == "7,2,red\n"
    assert extracted("csv", header=False, delimiter=";")[0] == "red,2,7\n"
    assert "record 1 has 1 fields where there are 3 columns" in refused("csv", header=False)


def test_bytes_that_are_not_utf_8_are_refused_or_replaced_by_policy(extracted, refused, put):
    put("a", b"apple_id,weight,colour\n7,1,h\xe4\xdf\n")
    assert "Row apple_id='7': column colour holds text with half of a sur" in refused("csv")
    body, _ = extracted("csv", record={"policies": {"surrogate": "replace"}})
    assert body == "7,1,h\ufffd\ufffd\n"


def test_numbers_of_json_are_exact_where_the_contract_says_so(extracted, put):
    put("a", b'{"apple_id": 9007199254740993, "weight": 0.1000, "colour": null}\n'
             b'{"apple_id": "9007199254740995", "weight": 1, "colour": "1"}\n'
             b'{"apple_id": 3, "weight": "12345678901234567890.10", "colour": null}\n')  # fmt: skip
    assert extracted("jsonl", KINDS)[0] == (
        "9007199254740993,0.1000,\n9007199254740995,1,1\n3,12345678901234567890.10,\n"
    )


@pytest.mark.parametrize(
    ("lines", "kinds", "complaint"),
    [
        (["1", "1.5"], None, "a value of kind float where the column is integer"),
        (["1e999999"], KINDS, "a number of more digits"),
        (["1e999"], None, "a number larger than any float"),
        (["NaN"], KINDS, "NaN"),
        (["-Infinity"], None, "an infinity"),
        (['"secret"'], ["integer", "date", "text"], "a text that is no date"),
    ],
)
def test_json_of_another_kind_is_refused_with_column_and_id(refused, put, lines, kinds, complaint):
    body = [f'{{"apple_id": {n}, "weight": {v}, "colour": "a"}}\n' for n, v in enumerate(lines)]
    put("a", "".join(body).encode())
    words = refused("jsonl", kinds)
    assert f"Row apple_id={len(lines) - 1}: column weight holds {complaint}" in words


@pytest.mark.parametrize(
    ("value", "kind", "found"),
    [("1.0", "integer", "float"), ("true", "decimal", "boolean"), ("[1]", "text", "nested")],
)
def test_json_is_held_to_the_contract_by_its_values(refused, put, value, kind, found):
    put("a", f'{{"apple_id": 1, "weight": {value}, "colour": "secret"}}'.encode())
    words = refused("jsonl", ["integer", kind, "text"])
    assert re.search(rf"\* weight {kind} +weight {found}", words)


def test_json_floats_may_lack_their_fraction_where_the_contract_says_float(extracted, put):
    put("a", b'{"apple_id": 1, "weight": 1, "colour": "a"}\n'
             b'{"apple_id": 2, "weight": 0.1, "colour": "b"}\n')  # fmt: skip
    assert extracted("jsonl", ["integer", "float", "text"])[0] == "1,1,a\n2,0.1,b\n"


@pytest.mark.parametrize(
    ("column", "complaint"),
    [
        (pa.array([1], pa.timestamp("ns", "UTC")), "a timestamp finer than a microsecond"),
        (pa.array([1000], pa.timestamp("ns")), "a timestamp without a time zone"),
        (pa.array([2**62], pa.timestamp("us", "UTC")), "a date outside of the years 1 to 9999"),
        (pa.array([2**50], pa.timestamp("s", "UTC")), "a date outside of the years 1 to 9999"),
        (pa.array([2**30], pa.int32()).cast(pa.date32()), "a date outside of the years 1 to 9999"),
        (pa.array([b"secret"]), "a value of type bytes"),
        (pa.array([5], pa.time64("us")), "a value of type time"),
        (pa.array([[1]]), "a list or an object, which CSV has no text for"),
        (pa.array([b"secret\xff"]).view(pa.string()), "text that is not UTF-8"),
        (
            pa.array([[("secret", 1), ("secret", 2)]], pa.map_(pa.string(), pa.int64())),
            "a map that has a key twice",
        ),
    ],
)
def test_parquet_that_python_cannot_hold_is_refused_with_column_and_id(
    refused, put, column, complaint
):
    put("a", parquet_bytes({"apple_id": [7], "weight": column, "colour": ["red"]}))
    assert f"Row apple_id=7: column weight holds {complaint}" in refused("parquet")


def test_types_of_parquet_are_exact(extracted, put):
    noon = datetime(2013, 6, 1, 12, 0, 0, 5, UTC)
    columns = {
        "whole": pa.array([2**64 - 1], pa.uint64()),
        "exact": pa.array([Decimal("1.50")], pa.decimal128(38, 2)),
        "small": pa.array([0.1], pa.float32()),
        "moment": pa.array([noon], pa.timestamp("ns", "Asia/Tokyo")),
        "day": pa.array([date(1, 1, 1)]),
        "category": pa.array(["a"]).dictionary_encode(),
        "nothing": pa.nulls(1),
    }
    put("a", parquet_bytes({"apple_id": pa.array([2**63 - 1]), **columns}))
    record = {"features": list(columns)}
    assert extracted("parquet", record=record)[0] == (
        "9223372036854775807,18446744073709551615,1.50,0.10000000149011612,"
        "2013-06-01T12:00:00.000005+00:00,0001-01-01,a,\n"
    )


def test_reshape_sees_every_column_or_those_that_are_named(extracted, put):
    table = {"apple_id": [1, 2], "grams": [500, None], "secret": [b"x", b"y"], "hue": ["red", "x"]}
    put("a", parquet_bytes(table))
    reshape = (
        "def reshape(frame):\n"
        "    frame['weight'] = frame['grams'] / 1000\n"
        "    frame['colour'] = frame['hue'] + str(len(frame.columns))\n"
        "    return frame[['apple_id', 'weight', 'colour']]\n"
    )
    with pytest.raises(SourceError, match="Column secret holds a value of type bytes"):
        extracted("parquet", reshape=reshape)
    columns = ["apple_id", "grams", "hue"]
    body, _ = extracted("parquet", reshape=reshape, columns=columns)
    assert body == "1,0.5,red4\n2,,x4\n"


def test_reshape_of_csv_has_the_kinds_of_the_contract_for_its_columns(extracted, put):
    put("a", b"apple_id,grams,colour\n1,500,red\n")
    reshape = (
        "def reshape(frame):\n"
        "    frame['weight'] = frame['grams'].astype('Float64') / 1000\n"
        "    return frame[['apple_id', 'weight', 'colour']]\n"
    )
    body, index = extracted("csv", ["integer", "float", "text"], reshape)
    assert body == "1,0.5,red\n"
    assert index.types == ("integer", "float", "text")


class ChangingObjects:
    """Replaces or deletes an object between its listing and its download."""

    def __init__(self, objects, uri, body):
        self._objects, self._uri, self._body = objects, uri, body

    def listed(self, start):
        return self._objects.listed(start)

    def download(self, stored, file):
        if stored.uri == self._uri and self._body is None:
            self._objects.content.pop(self._uri, None)
        elif stored.uri == self._uri:
            self._objects.put(self._uri, self._body)
        self._objects.download(stored, file)


@pytest.mark.parametrize("body", [as_csv(apples(9)), None], ids=["replaced", "deleted"])
def test_a_file_that_changes_while_the_extract_runs_ends_it(
    make_file_pipeline, objects, layout, partition, put, body
):
    put("a", as_csv(apples(1)))
    put("b", as_csv(apples(2)))
    pipeline = make_file_pipeline({"files": "s3://lake/{{ partition }}/*", "format": "csv"})
    changing = ChangingObjects(objects, S3Uri("lake", "2013-06-01/b"), body)
    with pytest.raises(SourceChanged, match="s3://lake/2013-06-01/b was replaced or deleted"):
        extract(pipeline, partition, FileSource(changing), objects, layout)
    assert [uri for uri in objects.content if uri.bucket != "lake"] == []
    if body is not None:
        assert extract(pipeline, partition, FileSource(objects), objects, layout).records == 2


def test_the_same_files_give_the_same_bytes_and_other_etags_the_same_index(extracted, put):
    put("a", gzip.compress(as_csv(apples(1, 3)), mtime=1))
    first = extracted("csv")
    put("a", gzip.compress(as_csv(apples(1, 3)), mtime=2))
    assert extracted("csv") == first


def test_ids_are_proven_over_all_files_and_chunks(refused, put, monkeypatch):
    monkeypatch.setattr(records, "CHUNK_ROWS", 2)
    put("a", as_csv(apples(1, 3)))
    put("b", as_csv(apples(3, 2)))
    assert "Two rows have the same apple_id: rows 3 and 4" in refused("csv")


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_an_extract_read_its_files_when_the_store_says(
    extracted, objects, layout, put, file_format
):
    body = BytesIO()
    parquet.write_table(pa.table({name: pa.array([], pa.int64()) for name in COLUMNS}), body)
    put("part", b"apple_id,weight,colour\n" if file_format == "csv" else body.getvalue())
    objects.now = lambda: datetime(2013, 6, 2, 3, tzinfo=UTC)
    extracted(file_format)
    assert snapshot.read(layout, objects) == datetime(2013, 6, 2, 3, tzinfo=UTC)
