import pytest

from batch_transform.scoring.errors import ConfigurationError
from batch_transform.scoring.pipeline.query import (
    for_sqlalchemy,
    identifier_problems,
    parameters,
    problems,
    statement,
    with_identifiers,
    with_parameters,
)


@pytest.mark.parametrize(
    "text",
    [
        "-- :partition_start",
        "/* :partition_start\n :partition_start */",
        "':partition_start'",
        "'it''s :partition_start'",
        "E'\\' :partition_start'",
        '":partition_start"',
        "$$ :partition_start $$",
        "$tag$ $$ :partition_start $tag$",
        "/* /* :partition_start */ :partition_start */",
        "'a'::text || a$b$c",
        "1::partition_start",
        "x[1:2]",
        "arr[1:n] || arr[:n]",
        "{'a':b, 'c': d}",
        "document:path",
    ],
)
def test_a_parameter_stands_neither_in_texts_nor_comments_nor_casts(text):
    query = f"SELECT {text}\n, :partition_end::date"
    assert parameters(query) == {"partition_end"}
    assert with_parameters(query, "<{}>".format) == query.replace(
        ":partition_end", "<partition_end>"
    )


def test_a_parameter_without_a_value_is_refused():
    with pytest.raises(ConfigurationError, match="Unknown parameter :today; only :partition, "):
        with_parameters("SELECT :today", str)


def test_sqlalchemy_sees_the_parameters_alone():
    from sqlalchemy import text

    query = "SELECT {'a':1}, ':x', 1::int, :partition_start"
    compiled = text(for_sqlalchemy(query)).compile()
    assert list(compiled.params) == ["partition_start"]
    assert str(compiled) == query


@pytest.mark.parametrize("query", ["SELECT 1", "SELECT 1;", "SELECT 1 ; \n", "SELECT 1\n"])
def test_a_statement_loses_its_semicolon(query):
    assert statement(query) == "SELECT 1\n"


def test_identifiers_are_filled_in_where_they_are_names():
    query = "SELECT '{{1,2},{3,4}}', '{{a,b},{c,d}}' LIKE '{%' FROM {{ table }}"
    assert not list(identifier_problems(query, {"table": 'source."Flights"'}))
    filled = with_identifiers(query, {"table": 'source."Flights"'})
    assert filled == query.replace("{{ table }}", 'source."Flights"')


@pytest.mark.parametrize(
    "text",
    [
        "'{{ ds }}'",
        "'{{ds}}'::date",
        "E'{{ ds }}'",
        "$${{ macros.ds_add(ds, 1) }}$$",
        '"{{ table }}"',
        "-- {{ table }}",
        "/* {{ table }} */ 1",
        "'{% if ds %}'",
        "'{%- endif -%}'",
    ],
)
def test_a_template_that_would_stay_literal_is_refused(text):
    query = f"SELECT 1,\n{text}\nFROM {{{{ table }}}}"
    (problem,) = identifier_problems(query, {"table": "flights"})
    assert problem.startswith("line 2: {")
    assert "is in quotes or a comment, where nothing is filled in" in problem


GOOD = "SELECT 1 WHERE day = :partition"


@pytest.mark.parametrize(
    "query",
    [
        GOOD,
        f"{GOOD};",
        f"-- why\n/* what */ {GOOD} ;\n\n",
        "WITH days AS (SELECT :partition AS day) SELECT * FROM days",
        "(SELECT 1 WHERE t >= :partition_start AND t < :partition_end)",
        "FROM flights WHERE day = :partition",
        "VALUES (:partition)",
        "TABLE flights -- no day: :partition is in a comment\n, x WHERE day = :partition",
        "SELECT ';', \"delete\", deleted_at, update FROM x WHERE day = :partition",
        "SELECT (deleted), (updated_at) FROM x -- DELETE FROM x; INTO\nWHERE day = :partition",
    ],
)
def test_a_query_that_reads_one_day_has_no_problem(query):
    assert list(problems(query)) == []


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        (f"{GOOD}; -- done", "line 1: nothing may follow the semicolon, not even a comment"),
        (f"{GOOD};;", "line 1: nothing may follow the semicolon"),
        (f"SELECT 1;\n{GOOD}", "line 1: nothing may follow the semicolon"),
        ("DELETE FROM x WHERE day = :partition", "begins with DELETE; a query reads"),
        ("update x SET a = 1 WHERE day = :partition", "begins with update; a query reads"),
        ("INSERT INTO x SELECT :partition", "begins with INSERT; a query reads"),
        ("EXPLAIN SELECT :partition", "begins with EXPLAIN; a query reads"),
        ("CALL work(:partition)", "begins with CALL; a query reads"),
        (f"WITH gone AS (\nDELETE FROM x RETURNING *) {GOOD}", "line 2: DELETE writes"),
        ("SELECT a INTO b FROM x WHERE day = :partition", "line 1: INTO writes"),
        (f"{GOOD} FOR UPDATE", "locks rows with FOR UPDATE or FOR SHARE"),
        (f"{GOOD} for no key update", "locks rows with FOR UPDATE or FOR SHARE"),
        (f"{GOOD} FOR KEY SHARE", "locks rows with FOR UPDATE or FOR SHARE"),
        (f"\ufeff{GOOD}", "begins with a byte order mark"),
        (f"{GOOD}\nAND a = 'b", "line 2: a quote is never closed"),
        (f'{GOOD}\nAND a = "b', "line 2: a quoted name is never closed"),
        (f"{GOOD}\nAND a = $tag$ b $$", "line 2: a dollar quote is never closed"),
        (f"{GOOD}\n/* /* */", "line 2: a comment is never closed"),
        ("-- nothing :partition", "has no statement"),
        ("SELECT 1", "uses neither :partition, the day, nor both"),
        ("SELECT :partition_start", "uses neither :partition, the day, nor both"),
        ("SELECT ':partition'", "uses neither :partition, the day, nor both"),
        (f"{GOOD} AND x = :today", "unknown parameter :today; only :partition, :partition_start"),
    ],
)
def test_what_every_database_would_refuse_is_refused_when_it_is_parsed(query, problem):
    assert any(each.startswith(problem) for each in problems(query)), list(problems(query))


@pytest.mark.parametrize(
    ("query", "value", "problem"),
    [
        ("{{ other }}", "flights", "source.identifiers has no other"),
        ("{{ table | upper }}", "flights", "only a name of source.identifiers"),
        ("{% if x %}", "flights", "only a name of source.identifiers"),
        ("{{ table }}", "flights; DROP TABLE flights", "not a name like schema.table"),
        ("{{ table }}", "(SELECT 1)", "not a name like schema.table"),
        ("{{ table }}", "", "not a name like schema.table"),
    ],
)
def test_what_is_not_an_identifier_is_refused(query, value, problem):
    problems = list(identifier_problems("FROM " + query, {"table": value}))
    assert len(problems) == 1
    assert problem in problems[0]
