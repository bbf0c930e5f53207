"""The tables that a query reads, whatever its shape."""

import pytest

from batch_transform.scoring.permissions.tables import tables_of
from tests.project import PIPELINES


@pytest.mark.parametrize(
    ("query", "tables"),
    [
        ("SELECT a FROM apples", ("apples",)),
        ("SELECT a FROM orchard.apples AS x, pears JOIN plums p ON p.a = x.a WHERE 1", (
            "orchard.apples", "pears", "plums")),
        ('SELECT a FROM "Apples"."Of 2013"', ('"Apples"."Of 2013"',)),
        ("SELECT a FROM apples -- FROM pears\n WHERE b = 'FROM plums'", ("apples",)),
        ("SELECT (SELECT max(b) FROM pears), a FROM apples", ("pears", "apples")),
        ("WITH few AS (SELECT a FROM apples) SELECT * FROM few", ("apples",)),
        ("WITH few (a) AS NOT MATERIALIZED (SELECT a FROM apples) SELECT a FROM FEW", ("apples",)),
        ("SELECT extract(hour FROM picked) FROM apples", ("apples",)),
        ("SELECT a FROM apples WHERE b IS DISTINCT FROM pears", ("apples",)),
        ("SELECT n FROM generate_series(1, 3) AS n, apples", ("apples",)),
        ("SELECT a FROM apples, LATERAL (SELECT b FROM pears) x", ("apples", "pears")),
        ("SELECT a FROM ONLY apples UNION ALL SELECT a FROM pears", ("apples", "pears")),
        ("SELECT a FROM (apples JOIN pears USING (a))", ("apples", "pears")),
    ],
)  # fmt: skip
def test_what_is_read_is_named_once(query, tables):
    assert tables_of(query) == tables


def test_the_shipped_pipelines_read_the_demos_tables():
    query = (PIPELINES / "flight_delay" / "features.sql").read_text()
    assert tables_of(query) == ("source.flights", "source.planes", "source.weather")
