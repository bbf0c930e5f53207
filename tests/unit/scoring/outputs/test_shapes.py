"""Every shape of output x {exact, short, long, duplicated, reordered, foreign id}."""

import gzip
import re

import pytest

from batch_transform.scoring.errors import OutputError
from tests.unit.scoring.outputs.partitions import Sent, put, rows_of, staged_from

BIG = 9007199254740993  # the first integer that a double does not hold
CSV_SENT = f'1,0.25,red\n{BIG},,"a, b"\n3,0.75,green\n'.encode()
JSON_SENT = (
    b'{"apple_id":1,"weight":0.25,"colour":"red"}\n'
    b'{"apple_id":%d,"weight":null,"colour":"a, b"}\n'
    b'{"apple_id":3,"weight":0.75,"colour":"green"}\n'
) % BIG
LIST_SENT = b'[1,0.25,"red"]\n[%d,null,"a, b"]\n[3,0.75,"green"]\n' % BIG

ONE = {"sweetness": {"at": -1, "min": 0, "max": 1}}
JSON_ONE = {"sweetness": {"at": "predictions[0][0]", "min": 0, "max": 1}}
JSONL = {"record": {"format": "jsonl"}}
LINE = {"transform": {"join": "line"}}
TWO = {"sweetness": {"at": "[0]"}, "sort": {"at": "[1]", "type": "text"}}


def output_filter(text):
    return {"transform": {"overrides": {"DataProcessing": {"OutputFilter": text}}}}


def accepts_json(join):
    return {"transform": {**join["transform"], "overrides": {"TransformOutput": {
        "Accept": "application/jsonlines"}}}}  # fmt: skip


ROWS = [(1, 0.9), (BIG, 0.8), (3, 0.7)]
PAIRS = [(1, 0.9, "a"), (BIG, 0.8, "b"), (3, 0.7, "c")]
REPLIES = (0.9, 0.8, 0.7)
# name: settings, shard, the lines of its output, the rows
SHAPES = {
    "joined csv": (
        {"predictions": ONE},
        CSV_SENT,
        [b"1,0.25,red,0.9", b'%d,,"a, b",0.8' % BIG, b"3,0.75,green,0.7"],
        ROWS,
    ),
    "joined csv, filtered": (
        {"predictions": ONE, **output_filter("$[0,-1]")},
        CSV_SENT,
        [b"1,0.9", b"%d,0.8" % BIG, b"3,0.7"],
        ROWS,
    ),
    "joined csv, two values": (
        {"predictions": {"sweetness": {"at": 3}, "sort": {"at": 4, "type": "text"}}},
        CSV_SENT,
        [b"1,0.25,red,0.9,a", b'%d,,"a, b",0.8,b' % BIG, b"3,0.75,green,0.7,c"],
        PAIRS,
    ),
    "joined jsonl": (
        {**JSONL, "predictions": JSON_ONE},
        JSON_SENT,
        [
            b'{"SageMakerOutput":{"predictions":[[%s]]},"apple_id":%d,"colour":"x"}'
            % (str(reply).encode(), apple)
            for apple, reply in ROWS
        ],
        ROWS,
    ),
    "joined jsonl, bare reply": (
        {**JSONL, "predictions": {"sweetness": {"at": "$"}}},
        JSON_SENT,
        [b'{"SageMakerOutput":%s,"apple_id":%d}' % (str(r).encode(), a) for a, r in ROWS],
        ROWS,
    ),
    "joined jsonl, two values": (
        {**JSONL, "predictions": TWO},
        JSON_SENT,
        [
            b'{"SageMakerOutput":[%s,"%s"],"apple_id":%d}' % (str(r).encode(), s.encode(), a)
            for a, r, s in PAIRS
        ],
        PAIRS,
    ),
    "joined lists": (
        {**JSONL, "predictions": JSON_ONE},
        LIST_SENT,
        [
            b'{"SageMakerInput":[%d,0.5,"x"],"SageMakerOutput":{"predictions":[[%s]]}}'
            % (apple, str(reply).encode())
            for apple, reply in ROWS
        ],
        ROWS,
    ),
    "alone csv": ({"predictions": ONE, **LINE}, CSV_SENT, [b"0.9", b"0.8", b"0.7"], ROWS),
    "alone csv, two values": (
        {"predictions": {"sweetness": {"at": 0}, "sort": {"at": 1, "type": "text"}}, **LINE},
        CSV_SENT,
        [b"0.9,a", b"0.8,b", b"0.7,c"],
        PAIRS,
    ),
    "alone jsonl": (
        {**JSONL, "predictions": JSON_ONE, **LINE},
        JSON_SENT,
        [b'{"predictions":[[%s]]}' % str(reply).encode() for reply in REPLIES],
        ROWS,
    ),
    "alone jsonl, from csv": (
        {"predictions": {"sweetness": {"at": "$"}}, **accepts_json(LINE)},
        CSV_SENT,
        [b"0.9", b"0.8", b"0.7"],
        ROWS,
    ),
    "alone jsonl, two values": (
        {**JSONL, "predictions": TWO, **LINE},
        JSON_SENT,
        [b'[0.9,"a"]', b'[0.8,"b"]', b'[0.7,"c"]'],
        PAIRS,
    ),
}
JOINED = [name for name in SHAPES if name.startswith("joined")]
ALONE = [name for name in SHAPES if name.startswith("alone")]


@pytest.fixture
def load(make_pipeline, objects):
    """Stage the outputs of one shard, and return the rows."""

    def load(settings, sent, lines, *, pack=bytes):
        pipeline = make_pipeline(**settings)
        shard = Sent("part-00000", sent, (1,), (3,))
        body = pack(b"".join(line + b"\n" for line in lines))
        index = put(objects, pipeline, [shard], {"part-00000": body})
        with staged_from(objects, pipeline, index) as (staged, account):
            assert account.rows == account.answers == account.records == 3
            return rows_of(staged)

    return load


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda b: b.removesuffix(b"\n")])
def test_exact(load, name, pack):
    settings, sent, lines, rows = SHAPES[name]
    assert load(settings, sent, lines, pack=pack) == rows


def refused(load, name, change, message):
    settings, sent, lines, _ = SHAPES[name]
    with pytest.raises(OutputError, match=re.escape(message)) as caught:
        load(settings, sent, change(lines))
    assert "1 of 1 shards" in str(caught.value)
    assert "the target was not touched" in str(caught.value)


FOREIGN = str(BIG).encode(), b"9007199254740992"


@pytest.mark.parametrize("name", JOINED)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda x: x[:2],
            "shard part-00000: it has 3 records, but its output has 2: 1 missing (3)",
        ),
        (
            lambda x: [],
            "it has 3 records, but its output has 0: 3 missing (1, 9007199254740993, 3)",
        ),
        (
            lambda x: [*x, x[2].replace(b"3", b"4")],
            "it has 3 records, but its output has 4: 1 foreign (4)",
        ),
        (
            lambda x: [*x, x[1]],
            "it has 3 records, but its output has 4: 1 more than once (9007199254740993)",
        ),
        (lambda x: [x[0], x[0], x[2]], "1 missing (9007199254740993), 1 more than once (1)"),
        (
            lambda x: [x[0], x[2], x[1]],
            "the ids are all there, but in another order from line 2 on; SageMaker keeps the order",
        ),
        (
            lambda x: [x[0], x[1].replace(*FOREIGN), x[2]],
            "1 missing (9007199254740993), 1 foreign (9007199254740992)",
        ),
    ],
    ids=["short", "empty", "long", "doubled", "duplicated", "reordered", "foreign"],
)
def test_a_joined_output_is_held_to_the_ids(load, name, change, message):
    refused(load, name, change, message)


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:2], "shard part-00000: it has 3 records, but its output has 2"),
        (lambda x: [], "it has 3 records, but its output has 0"),
        (lambda x: [*x, x[2]], "it has 3 records, but its output has 4"),
        (lambda x: [x[0], x[0], *x[1:]], "it has 3 records, but its output has 4"),
    ],
    ids=["short", "empty", "long", "duplicated"],
)
def test_predictions_alone_are_held_to_the_count(load, name, change, message):
    settings, *_ = SHAPES[name]
    if settings["predictions"] is TWO:
        message = message.replace("has 2", "has 2 lists").replace("has 4", "has 4 lists")
    refused(load, name, change, message)


@pytest.mark.parametrize("name", ALONE)
def test_predictions_alone_belong_to_the_record_of_their_line(load, name):
    """Nothing in the output could tell another order: the service's own keeps it."""
    settings, sent, lines, rows = SHAPES[name]
    found = load(settings, sent, lines[::-1])
    assert found == [(row[0], *other[1:]) for row, other in zip(rows, rows[::-1], strict=True)]


BATCHES = {
    "lists, one record each": ("[0]", [b"[[0.9]]", b"[[0.8]]", b"[[0.7]]"]),
    "lists of two, one record each": ("[1]", [b"[[0,0.9]]", b"[[0,0.8]]", b"[[0,0.7]]"]),
    "lists, no batches": ("[0][0]", [b"[[0.9]]", b"[[0.8]]", b"[[0.7]]"]),
    "values": ("$", [b"[0.9,0.8]", b"[0.7]"]),
    "one each": ("$", [b"[0.9]", b"[0.8]", b"[0.7]"]),
    "lists": ("[1]", [b"[[0.1,0.9],[0.2,0.8]]", b"[[0.3,0.7]]"]),
    "objects": ("score", [b'[{"score":0.9},{"score":0.8}]', b'[{"score":0.7}]']),
    "one batch": ("$", [b"[0.9,0.8,0.7]"]),
}


@pytest.mark.parametrize("name", BATCHES)
def test_a_list_to_a_batch_is_taken_apart_where_the_counts_prove_it(load, name):
    at, lines = BATCHES[name]
    settings = {**JSONL, "predictions": {"sweetness": {"at": at}}, **LINE}
    assert load(settings, JSON_SENT, lines) == ROWS


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([b"[0.9]", b"[0.8]"], "3 records, but its output has 2 lists with 2 entries: neither"),
        ([b"[0.9,0.8]", b"[0.7,0.6]"], "has 2 lists with 4 entries: neither one list to a record"),
        ([b"[0.9,0.8]", b"0.7"], "it has 3 records, but its output has 2"),
    ],
)
def test_a_list_to_a_batch_is_refused_where_they_do_not(load, lines, message):
    settings = {**JSONL, "predictions": {"sweetness": {"at": "$"}}, **LINE}
    with pytest.raises(OutputError, match=re.escape(message)):
        load(settings, JSON_SENT, lines)


BATCHES_OF_ONE = {
    "[0]": (b"[[0.9]]", b"[[0.7]]"),
    "[1]": (b"[[0,0.9]]", b"[[0,0.7]]"),
    "$": (b"[0.9]", b"[0.7]"),
    "score": (b'[{"score":0.9}]', b'[{"score":0.7}]'),
    "[0][0]": (b"[[0.9]]", b"[[0.7]]"),
}
ODD = [b"ERROR", b'"ERROR"', b"null", b'{"error":"busy"}', b"[]", b'["a","b","c"]', b"[[],[]]"]


@pytest.mark.parametrize("at", BATCHES_OF_ONE)
@pytest.mark.parametrize("line", [0, 1])
@pytest.mark.parametrize(
    ("odd", "copies"),
    # A shard of more than 1,000 records is read whole columns at a time.
    [*((odd, 1) for odd in ODD), (b"ERROR", 501), (b'{"error":"busy"}', 501)],
)
def test_an_odd_reply_among_batches_of_one_costs_its_own_record(
    make_pipeline, objects, at, line, odd, copies
):
    settings = {**JSONL, "predictions": {"sweetness": {"at": at}}, **LINE}
    pipeline = make_pipeline(**settings, limits={"bad_records": 1})
    first, second = BATCHES_OF_ONE[at]
    lines = [first, second] * copies
    lines.insert(line, odd)
    sent = b"".join(b'{"apple_id":%d}\n' % number for number in range(len(lines)))
    answers = b"".join(each + b"\n" for each in lines)
    index = put(objects, pipeline, [Sent("part", sent, (0,), (0,))], {"part": answers})
    with staged_from(objects, pipeline, index) as (staged, account):
        assert [each.id for each in account.quarantined] == [(str(line),)]
        expected = [0.9, 0.7] * copies
        assert sorted(rows_of(staged)) == [
            (number + (number >= line), score) for number, score in enumerate(expected)
        ]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([b"[0.9,0.8]", b"[]", b"[0.7]"], "2 of 3 records have no fit prediction"),
        ([b"[0.9,0.8,0.7]", b"[]"], "it has 3 records, but its output has 2 lists with 3 entries"),
    ],
)
def test_a_batch_without_a_reply_shifts_no_other_reply(load, lines, message):
    settings = {**JSONL, "predictions": {"sweetness": {"at": "$"}}, **LINE}
    with pytest.raises(OutputError, match=re.escape(message)):
        load(settings, JSON_SENT, lines)


def test_lists_of_two_that_happen_to_add_up_are_not_taken_apart(load):
    settings = {**JSONL, "predictions": TWO, **LINE}
    with pytest.raises(OutputError, match=r"3 of 3 records have no fit.*\n.*sweetness is not"):
        load(settings, JSON_SENT, [b"[0.9]", b'["a",0.8]'])
