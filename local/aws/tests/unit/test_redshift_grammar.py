"""Which statements the local Data API knows; all others are refused."""

import pytest

from sagemaker_local.redshift import grammar

UNLOAD = (
    "UNLOAD ('SELECT * FROM apples WHERE colour = ''red''') TO 's3://lake/day/'"
    " IAM_ROLE 'arn:aws:iam::123456789012:role/unload'\nFORMAT AS PARQUET PARTITION BY (part)"
    " MANIFEST VERBOSE MAXFILESIZE 256 MB"
)


def test_an_unload_is_taken_apart():
    assert grammar.unload(UNLOAD) == grammar.Unload(
        query="SELECT * FROM apples WHERE colour = 'red'",
        bucket="lake",
        prefix="day/",
        column="part",
    )


def test_other_statements_are_no_unload():
    assert grammar.unload("SELECT 'UNLOAD'") is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("AS PARQUET", "AS CSV"),
        (" FORMAT AS PARQUET", ""),
        ("MANIFEST VERBOSE", "MANIFEST"),
        ("256 MB", "4 MB"),
        ("256 MB", "256 MB ALLOWOVERWRITE"),
        ("256 MB", "256 MB; DROP TABLE apples"),
        ("''red''", "'red'"),
        ("''red''", "''re\\''d''"),
        ("IAM_ROLE 'arn:aws:iam::123456789012:role/unload'", "IAM_ROLE 'unload'"),
        ("s3://", "http://"),
    ],
)
def test_what_is_not_known_of_an_unload_is_refused(old, new):
    text = UNLOAD.replace("\nFORMAT", " FORMAT")
    assert old in text
    with pytest.raises(grammar.UnknownStatementError):
        grammar.unload(text.replace(old, new))


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("SELECT 1", True),
        ("WITH a AS (SELECT 1) SELECT * FROM a", True),
        ("CREATE TEMP TABLE a AS SELECT 1", True),
        ("SET timezone TO 'America/New_York'", True),
        ("SET timezone TO 'UTC'; DROP TABLE a", False),
        ("CREATE TABLE a AS SELECT 1", False),
        ("CREATE TABLE IF NOT EXISTS s.a (n bigint)", True),
        ("CREATE TABLE s.a (n bigint)", False),
        ('CREATE TEMP TABLE "a" (n bigint)', True),
        ("ALTER TABLE a ADD COLUMN b bigint", True),
        ("ALTER TABLE a DROP COLUMN b", False),
        ('LOCK s."a b"', True),
        ("LOCK a IN SHARE MODE", False),
        ("DELETE FROM a WHERE n = 1", True),
        ("DELETE FROM a", False),
        ("TRUNCATE a", False),
        ("INSERT INTO a (n) SELECT 1", True),
        ("UPDATE a SET n = 1", True),
        ("COPY a FROM 's3://lake/a'", False),
        ("", False),
    ],
)
def test_plain_statements(text, known):
    assert (grammar.plain(text) is not None) is known


def test_a_sortkey_is_left_out_of_what_postgresql_runs():
    text = 'CREATE TABLE IF NOT EXISTS a (n bigint) SORTKEY ("n")'
    assert grammar.plain(text) == "CREATE TABLE IF NOT EXISTS a (n bigint)"


def test_an_unload_may_have_no_folders():
    assert grammar.unload(UNLOAD.replace(" PARTITION BY (part)", "")).column == ""


COPY = "COPY \"a\" FROM 's3://lake/day/rows.json' IAM_ROLE default FORMAT AS PARQUET MANIFEST"


def test_a_copy_is_taken_apart():
    assert grammar.copy(COPY) == grammar.Copy(table='"a"', bucket="lake", key="day/rows.json")
    assert grammar.copy("SELECT 'COPY'") is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("AS PARQUET", "AS CSV"),
        (" MANIFEST", ""),
        ("MANIFEST", "MANIFEST MAXERROR 3"),
        ("IAM_ROLE default ", ""),
        ("IAM_ROLE default", "IAM_ROLE 'me'"),
        ('"a" FROM', '"a" (n) FROM'),
        ("'s3://lake/day/rows.json'", "'s3://lake/it''s.json'"),
    ],
)
def test_what_is_not_known_of_a_copy_is_refused(old, new):
    assert old in COPY
    with pytest.raises(grammar.UnknownStatementError):
        grammar.copy(COPY.replace(old, new))
