"""Blocks of PostgreSQL's binary COPY beside the same rows packed value by value."""

import struct
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch_transform.scoring.outputs.staged import Staged, StagedColumn
from batch_transform.scoring.warehouse.blocks import blocks

DAY = date(2013, 6, 1)
VALUES = {
    "double": (st.floats(allow_nan=False), lambda value: struct.pack(">d", value)),
    "bigint": (st.integers(-(2**63), 2**63 - 1), lambda value: struct.pack(">q", value)),
    "boolean": (st.booleans(), lambda value: bytes([value])),
    "text": (st.text(st.characters(exclude_categories=["Cs"]), max_size=9), str.encode),
}
TYPES = st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4)


@st.composite
def tables(draw):
    """Types, and rows of them with NULL here and there."""
    types = draw(TYPES)
    null = [st.none() if draw(st.booleans()) else st.nothing() for _ in types]
    values = [VALUES[kind][0] | each for kind, each in zip(types, null, strict=True)]
    return types, draw(st.lists(st.tuples(*values), min_size=1, max_size=40))


def packed(types, rows):
    day = struct.pack(">ii", 4, (DAY - date(2000, 1, 1)).days)
    body = b""
    for row in rows:
        body += struct.pack(">h", len(types) + 1) + day
        for kind, value in zip(types, row, strict=True):
            content = b"" if value is None else VALUES[kind][1](value)
            body += struct.pack(">i", -1 if value is None else len(content)) + content
    return b"PGCOPY\n\xff\r\n\0" + bytes(8) + body + b"\xff\xff"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("blocks")


@given(tables(), st.integers(0, 39))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_rows_of_any_types_are_packed_as_postgres_reads_them(folder, table, cut):
    types, rows = table
    columns = [StagedColumn(name=f"c{n}", type=kind) for n, kind in enumerate(types)]
    staged = Staged(folder, columns)
    try:
        for piece in filter(None, (rows[:cut], rows[cut:])):
            staged.add_rows(piece)
        assert b"".join(blocks(staged, DAY)) == packed(types, rows)
    finally:
        staged.close()
        for path in folder.glob("staged-*"):
            path.unlink()
