"""What a pipeline may say about its predictions, its target and its checks."""

import pytest
from pydantic import ValidationError

from batch_transform.scoring.jobs import request
from batch_transform.scoring.pipeline import Limits, Prediction, Target
from batch_transform.scoring.pipeline.replypath import json_path, reply_path


@pytest.mark.parametrize(
    ("path", "steps", "json"),
    [
        ("$", [], "$"),
        ("score", ["score"], '$."score"'),
        ("predictions[0][1].p", ["predictions", 0, 1, "p"], '$."predictions"[0][1]."p"'),
        ("[1]", [1], "$[1]"),
    ],
)
def test_a_path_leads_to_the_same_place_for_both_readers(path, steps, json):
    assert (reply_path(path), json_path(steps)) == (steps, json)


@pytest.mark.parametrize("path", ["", "a b", "a.", "$.a", "a[-1]", "'; DROP TABLE x"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(ValidationError, match="is not a path such as"):
        Prediction(at=path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"type": "text", "min": 0}, "min and max are for numbers; drop them from a text"),
        ({"type": "boolean", "max": 1}, "drop them from a boolean"),
        ({"min": 2, "max": 1}, "is 2.0, above max, which is 1.0"),
    ],
)
def test_bounds_are_for_numbers(settings, message):
    with pytest.raises(ValidationError, match=message):
        Prediction(at=0, **settings)


def target(**settings):
    return Target(**{"conn_id": "w", "table": "scores", "partition_column": "day", **settings})


def test_a_target_in_s3_is_a_plain_prefix():
    assert target(table="s3://lake/scores/").table == "s3://lake/scores"
    assert target(table="s3://lake/scores").in_s3
    assert not target().in_s3
    for wrong in ("s3://lake", "s3://LAKE/scores", "s3://lake/scores?x", "s3://lake/a*"):
        with pytest.raises(ValidationError, match="S3|plain prefix"):
            target(table=wrong)


REDSHIFT = {"workgroup": "analytics", "database": "dev"}
ICEBERG = {"catalog": "glue", "warehouse": "s3://lake/tables"}


@pytest.mark.parametrize(
    "settings",
    [
        {"add_columns": True},
        {"swap": "partitions"},
        {"redshift": REDSHIFT},
        {"snowflake": {"stage": "runs"}},
    ],
)
def test_settings_of_tables_are_refused_in_s3(settings):
    assert target(**settings)
    with pytest.raises(ValidationError, match="is for a table"):
        target(table="s3://lake/scores", **settings)


def test_a_table_of_redshift_is_swapped_by_rows_alone():
    assert target(redshift=REDSHIFT, add_columns=True).redshift.parameters == {
        "WorkgroupName": "analytics",
        "Database": "dev",
    }
    with pytest.raises(ValidationError, match="is for a table of Postgres"):
        target(redshift=REDSHIFT, swap="upsert")
    with pytest.raises(ValidationError, match="either workgroup or cluster"):
        target(redshift={"database": "dev"})


def test_a_table_of_iceberg_has_a_namespace_a_place_and_one_catalog():
    made = target(table="mart.scores", iceberg=ICEBERG, add_columns=True)
    assert (made.iceberg.name, made.iceberg.storage_conn_id) == ("default", None)
    assert target(table="mart.scores", iceberg={"catalog": "rest"})
    for wrong, message in (
        ({"table": "scores"}, "a catalog has no table outside of a namespace"),
        ({"table": "s3://lake/scores"}, "is for a table; drop it from a target in S3"),
        ({"swap": "upsert"}, "is for a table of Postgres"),
        ({"redshift": REDSHIFT}, "give either redshift or iceberg"),
        ({"iceberg": {"catalog": "sql"}}, "says where tables of sql lie: give s3://"),
        ({"iceberg": {**ICEBERG, "warehouse": "lake"}}, "says where tables of glue lie"),
        ({"iceberg": {**ICEBERG, "catalog": "hive"}}, "glue"),
    ):
        with pytest.raises(ValidationError, match=message):
            target(**{"table": "mart.scores", "iceberg": ICEBERG, **wrong})


def test_a_table_of_snowflake_is_swapped_by_rows_alone_and_names_its_stage():
    stage = 'analytics."My Schema".runs'
    assert target(snowflake={"stage": stage}, add_columns=True).snowflake.stage == stage
    with pytest.raises(ValidationError, match="drop it from a target in Snowflake"):
        target(snowflake={"stage": "runs"}, swap="upsert")
    with pytest.raises(ValidationError, match="give either redshift or snowflake"):
        target(snowflake={"stage": "runs"}, redshift=REDSHIFT)
    for wrong in ("@runs", "a.b.c.d", "it's", "runs; DROP TABLE x", ""):
        with pytest.raises(ValidationError, match="must be the name of a stage, such as analytics"):
            target(snowflake={"stage": wrong})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"checks": {"mean": {"colour": {"leq_to": 1}}}},
            r"checks.mean.colour\n  is no prediction",
        ),
        ({"limits": {"bad_records": "100%"}}, "a share below 100%"),
        ({"limits": {"bad_records": "a few"}}, "a share below 100%, such as 0.1%"),
        ({"limits": {"bad_records": -0.1}}, "a share below 100%"),
    ],
)
def test_what_checks_and_limits_refuse(make_pipeline, changes, message):
    with pytest.raises(ValidationError, match=message):
        make_pipeline(**changes)


def test_a_share_is_a_percentage_or_a_number(make_pipeline):
    for text in ("0.1%", 0.001):
        settings = make_pipeline(limits={"bad_records": text}).settings
        assert settings.limits.allowed(5000) == 5


def test_what_is_no_share_is_a_count_of_records(make_pipeline):
    assert make_pipeline(limits={"bad_records": 25}).settings.limits.allowed(100) == 25
    assert make_pipeline().settings.limits.allowed(999) == 1
    assert make_pipeline(limits={"bad_records": 0}).settings.limits.allowed(999) == 0
    with pytest.raises(ValidationError, match="a count, such as 25"):
        make_pipeline(limits={"bad_records": 2.5})


def test_join_by_line_asks_for_predictions_alone(make_pipeline):
    processing = request.build(make_pipeline(transform={"join": "line"}).settings)
    assert processing["DataProcessing"] == {
        "InputFilter": "$[1:]",
        "JoinSource": "None",
        "OutputFilter": "$",
    }


def test_the_accepted_type_says_how_predictions_are_addressed(make_pipeline):
    json_out = {"overrides": {"TransformOutput": {"Accept": "application/jsonlines"}}}
    pipeline = make_pipeline(
        transform={"join": "line", **json_out}, predictions={"sweetness": {"at": "score"}}
    )
    assert pipeline.settings.reply_format == "jsonl"
    with pytest.raises(ValidationError, match="for jsonl it reads like"):
        make_pipeline(transform=json_out)


@pytest.mark.parametrize(
    ("limit", "records", "allowed"),
    [
        (None, 10, 1),
        (None, 999, 1),
        (None, 5000, 5),
        ("0.1%", 2999, 2),
        ("50%", 3, 1),
        (0, 5000, 0),
        ("0%", 5000, 0),
        (1, 5000, 1),
        (25, 3, 25),
    ],
)
def test_of_a_share_of_the_records_one_may_be_bad_at_least(limit, records, allowed):
    settings = {} if limit is None else {"bad_records": limit}
    assert Limits(**settings).allowed(records) == allowed
