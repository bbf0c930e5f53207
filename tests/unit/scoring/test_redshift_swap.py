"""The statements by which a partition is replaced in Redshift, letter by letter."""

import pytest

from batch_transform.scoring.aws.redshift_text import spelt
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.warehouse import redshift_statements as sql
from batch_transform.scoring.warehouse.ledger import turn_of
from batch_transform.scoring.warehouse.redshift_statements import Copied
from tests.contract.warehouse.loads import FIRST, a_load

TARGET = Target(conn_id="aws", table="s.Apples", partition_column="day")
COPIED = Copied(
    rows=S3Uri("lake", "o'clock/rows.json"),
    quarantine=S3Uri("lake", "q.json"),
    count=2,
    role="arn:aws:iam::1:role/r",
)
FROM = "IAM_ROLE 'arn:aws:iam::1:role/r' FORMAT AS PARQUET MANIFEST"


def swap(copied=COPIED, has_table=True, rows=((1, 0.5), (2, 0.25)), **changes):
    load = a_load(TARGET, FIRST, list(rows), **changes)
    return sql.swap(load, 4, copied, has_table=has_table)


def test_the_lock_comes_first_and_the_ledger_last():
    statements = dict(swap())
    assert list(statements) == [
        "lock_turn",
        "check_in_force",
        "create_stage",
        "copy_rows",
        "check_rows",
        "check_ids",
        "delete_partition",
        "insert_rows",
        "check_partition",
        "delete_quarantine",
        "copy_quarantine",
        "write_entry",
    ]
    assert statements["lock_turn"] == 'LOCK "s"."batch_transform_turn_Apples"'
    assert statements["check_in_force"] == (
        'SELECT 1 / CASE WHEN coalesce(max("load_id"), 0) = 4 THEN 1 ELSE 0 END\nFROM'
        ' "s"."batch_transform_ledger" WHERE "target" = \'s.Apples\''
        " AND \"partition\" = CAST('2013-06-01' AS date)"
    )
    assert statements["create_stage"] == (
        'CREATE TEMP TABLE "batch_transform_rows" ("apple_id" bigint, "score" double precision)'
    )
    assert statements["copy_rows"] == (
        f"COPY \"batch_transform_rows\" FROM 's3://lake/o''clock/rows.json' {FROM}"
    )
    assert statements["copy_quarantine"] == (
        f'COPY "s"."batch_transform_quarantine" FROM \'s3://lake/q.json\' {FROM}'
    )
    assert statements["insert_rows"] == (
        'INSERT INTO "s"."Apples" ("day", "apple_id", "score")\n'
        'SELECT CAST(\'2013-06-01\' AS date), "apple_id", "score" FROM "batch_transform_rows"'
    )
    assert all("{" not in text.replace('{"', "") for text in statements.values())


def test_rows_that_are_added_delete_nothing():
    names = [name for name, _ in swap(adds_to="a", kept=3)]
    assert "delete_partition" not in names
    assert "= 5 THEN" in dict(swap(adds_to="a", kept=3))["check_partition"]


def test_an_empty_partition_copies_nothing():
    nothing = Copied(role="default")
    names = [name for name, _ in swap(nothing, rows=())]
    assert [name for name in names if "copy" in name or "stage" in name] == []
    assert "delete_partition" in names
    without_table = [name for name, _ in swap(nothing, has_table=False, rows=())]
    expected = ["lock_turn", "check_in_force", "delete_quarantine", "write_entry"]
    assert without_table == expected


def test_a_batch_has_no_more_statements_than_redshift_takes():
    assert len(swap()) < 40


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("it's", "'it''s'"),
        ("a\\'b", "'a' || chr(92) || '''b'"),
        (None, "NULL"),
        (2**63 - 1, "9223372036854775807"),
        (0.1, "0.1"),
        (["a\\b"], "'[\"a' || chr(92) || '' || chr(92) || 'b\"]'"),
    ],
)
def test_values_are_spelt_so_that_no_backslash_escapes(value, text):
    assert spelt(value) == text


def test_the_name_of_a_turn_is_cut_and_not_refused():
    assert turn_of("s." + "x" * 63) == "s." + ("batch_transform_turn_" + "x" * 63)[:63]
    assert turn_of("apples") == "batch_transform_turn_apples"
