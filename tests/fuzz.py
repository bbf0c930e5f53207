"""Pipeline files as people, editors and templates get them wrong: the shipped ones, mutated."""

import copy
import json
import random

import yaml

from tests.project import PIPELINES

# Written into the file as they are, in place of a value.
VALUES = [
    *("", "~", "null", "yes", "on", "true", "0", "-1", "1", "1.5", "1e3", "1_000", "0x10", "0o7"),
    *(".nan", ".inf", "-.inf", "9" * 30, "9" * 5000, "1" + "0" * 400, "12:30", "190:20:30"),
    *("2013-02-30", "2013-06-01", "9999-12-31", "0001-01-01", "2013-06-01 10:00:00 +9"),
    *("!!int two", "!!int ''", "!!float x", "!!bool maybe", "!!timestamp x", "!!null x", "!!str 5"),
    *("!!binary aGk=", "!!set {a, b}", "!!omap [a: 1]", "!!python/object:os.system x", "!x y"),
    *("{{ ds }}", "{% x %}", "'{{ ds }}'", "{a: b}", "{}", "[]", "[a]", "[1, a]", "[[]]", "{? [a]"),
    *("&a [*a]", "&a {b: *a}", "*nothing", "&a x", "*a", "<<", "{<<: 5}", "{<<: {a: 1}}", "="),
    *('"\\0"', '"\\ud800"', '"\\x07"', '"\\u2028"', "'", '"', "|", ">", "@x", "`x`", "%x", "- a"),
    *("text", "'quoted'", "übung", "日本", "🙂", "a b", "a\tb", "x" * 300, "a: b", "# c", "a #b"),
    *("100%", "0.1%", "-5%", "64MB", "64,5MB", "1.5.5GB", "6h", "0s", "1000000000d", "02:00"),
    *("UTC", "localtime", "right/UTC", "../UTC", "csv", "jsonl", "ml.m5.large", "ml.m5.huge", "m5"),
    *(
        "s3://bucket/key",
        "s3://b/k",
        "s3://",
        "a.b.c",
        "public.t",
        "t; drop",
        "features.sql",
        "../x",
    ),
    *("/etc/passwd", ".", "..", "predictions[0]", "$", "$.a", "a[-1]", "-1", "{TransformInput: x}"),
    *(
        "{team: 5}",
        "{A: b}",
        "alias/key",
        "{DataProcessing: null}",
        "{Environment: {A: 1}}",
        "{ModelName: x}",
    ),
    *("{mean: {late_probability: {geq_to: 2}}}", "{mean: {late_probability: {leq_to: 0.5}}}"),
    *("[" * 3000, "{a: " * 300, "[" * 30 + "]" * 30),
]
KEYS = [
    "Owner",
    "on",
    "no",
    "1",
    "~",
    "",
    "<<",
    "? [a]",
    "a.b",
    "🙂",
    "{{ x }}",
    '"\\0"',
    "sql",
    "at",
]
NOISE = [
    *"\t\0\x07\x85\ufeff\u2028{}[]:-#'\"&*!|%@\n\r 🙂",
    "\n\n---\n",
    "\n...\n",
]


class Raw(str):
    """Text that is YAML already."""


def mutated(seed):
    """Return the text of a shipped pipeline.yaml with some mistakes in it."""
    draw = random.Random(seed)
    folder = draw.choice(sorted(PIPELINES.iterdir()))
    root = _pairs(yaml.safe_load((folder / "pipeline.yaml").read_text()))
    for _ in range(draw.randint(1, 4)):
        draw.choice(MUTATIONS)(draw, *_anywhere(draw, root))
    text = _written(root)
    while draw.random() < 0.15:
        at = draw.randrange(len(text) + 1)
        text = text[:at] + draw.choice(NOISE) + text[at + draw.randint(0, 2) :]
    return folder.name, text


def _pairs(value):
    """Return mappings as lists of pairs, which may have a key twice."""
    if isinstance(value, dict):
        return [[key, _pairs(each)] for key, each in value.items()]
    if isinstance(value, list):
        return tuple(map(_pairs, value))
    return Raw(value.isoformat()) if hasattr(value, "isoformat") else value


def _anywhere(draw, pairs):
    """Choose a pair of the tree: the list that has it, and its number."""
    number = draw.randrange(len(pairs))
    below = pairs[number][1]
    if isinstance(below, list) and below and draw.random() < 0.7:
        return _anywhere(draw, below)
    return pairs, number


def _drop(draw, pairs, number):
    if len(pairs) > 1:
        del pairs[number]


def _double(draw, pairs, number):
    pairs.insert(draw.randrange(len(pairs)), copy.deepcopy(pairs[number]))


def _retype(draw, pairs, number):
    pairs[number][1] = Raw(draw.choice(VALUES))


def _rename(draw, pairs, number):
    key = str(pairs[number][0])
    at = draw.randrange(len(key) + 1)
    typo = key[:at] + draw.choice(["", "s", "_", "é"]) + key[at + 1 :]
    pairs[number][0] = draw.choice([typo, key.upper(), Raw(draw.choice(KEYS))])


def _nest(draw, pairs, number):
    value = pairs[number][1]
    pairs[number][1] = draw.choice([[["value", value]], (value,), (value, value)])


def _add(draw, pairs, number):
    pairs.insert(number, [Raw(draw.choice(KEYS)), Raw(draw.choice(VALUES))])


def _swap(draw, pairs, number):
    other = draw.randrange(len(pairs))
    pairs[number][1], pairs[other][1] = pairs[other][1], pairs[number][1]


def _scale(draw, pairs, number):
    value = pairs[number][1]
    if isinstance(value, int | float):
        pairs[number][1] = draw.choice([value * 10, value * 1000, -value, value + 0.5, str(value)])


MUTATIONS = [_drop, _double, _retype, _retype, _retype, _rename, _nest, _add, _swap, _scale]


def _written(pairs):
    """Write a tree with a line for each key of the first two levels."""
    lines = []
    for key, value in pairs:
        if isinstance(value, list) and value:
            lines += [f"{key}:", *(f"  {inner}: {_flow(each)}" for inner, each in value)]
        else:
            lines.append(f"{key}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def _flow(value):
    if isinstance(value, list):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return str(value) if isinstance(value, Raw) else json.dumps(value)
