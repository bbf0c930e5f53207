"""Which queries the local Athena knows; all others are refused."""

import pytest

from sagemaker_local.athena import grammar
from sagemaker_local.redshift.grammar import UnknownStatementError, Unload

UNLOAD = (
    "-- name of the query\nUNLOAD (SELECT CAST(a AS double) AS a, 0 AS part FROM apples)"
    " TO 's3://lake/day/' WITH (format = 'PARQUET', compression = 'SNAPPY',"
    " partitioned_by = ARRAY['part'])"
)


def test_an_unload_is_taken_apart():
    assert grammar.unload(UNLOAD) == Unload(
        query="SELECT CAST(a AS double precision) AS a, 0 AS part FROM apples",
        bucket="lake",
        prefix="day/",
        column="part",
    )


def test_other_queries_are_no_unload():
    assert grammar.unload("SELECT 'UNLOAD'") is None
    assert grammar.plain("-- a\n-- b\nWITH a AS (SELECT 1) SELECT * FROM a") is not None
    assert grammar.plain("DROP TABLE apples") is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("'PARQUET'", "'TEXTFILE'"),
        ("format = 'PARQUET', ", ""),
        ("'SNAPPY'", "'LZO'"),
        ("compression = 'SNAPPY'", "field_delimiter = ','"),
        ("compression = 'SNAPPY'", "format = 'PARQUET'"),
        ("ARRAY['part']", "ARRAY['part', 'a']"),
        ("'s3://lake/day/'", "'s3://lake/day'"),
        ("s3://", "http://"),
        ("(SELECT CAST", "(DROP CAST"),
        ("['part'])", "['part']); DROP TABLE apples"),
    ],
)
def test_what_is_not_known_of_an_unload_is_refused(old, new):
    assert old in UNLOAD
    with pytest.raises(UnknownStatementError):
        grammar.unload(UNLOAD.replace(old, new))
