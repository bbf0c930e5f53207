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
        ("PARTITION BY (part)", ""),
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
        ("DELETE FROM a", False),
        ("COPY a FROM 's3://lake/a'", False),
        ("", False),
    ],
)
def test_plain_statements(text, known):
    assert grammar.is_plain(text) is known
