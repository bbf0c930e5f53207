import pytest

from batch_transform.scoring.errors import ConfigurationError
from batch_transform.scoring.pipeline.query import (
    for_sqlalchemy,
    identifier_problems,
    parameters,
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
        "1::partition_start",
        "x[1:2]",
    ],
)
def test_a_parameter_stands_neither_in_texts_nor_comments_nor_casts(text):
    query = f"SELECT {text}\n, :partition_end::date"
    assert parameters(query) == {"partition_end"}
    assert with_parameters(query, "<{}>".format) == query.replace(
        ":partition_end", "<partition_end>"
    )


def test_a_parameter_without_a_value_is_refused():
    with pytest.raises(ConfigurationError, match="the parameter :today, but there are only"):
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


def test_identifiers_are_filled_in_where_they_stand():
    query = "SELECT '{{ table }}' FROM {{ table }} -- {{table}}"
    assert not list(identifier_problems(query, {"table": 'source."Flights"'}))
    filled = with_identifiers(query, {"table": 'source."Flights"'})
    assert filled == "SELECT '{{ table }}' FROM source.\"Flights\" -- {{table}}"


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
