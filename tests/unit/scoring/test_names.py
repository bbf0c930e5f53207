import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_transform.scoring.names import (
    RunLayout,
    S3Uri,
    content_digest,
    job_name,
    output_name,
    shard_name,
    statement_name,
    statements_of,
    task_of_statement,
)

DIGEST = content_digest({"shards": []})
SERVICE_PATTERN = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"


def test_a_job_name_says_pipeline_partition_and_digest():
    assert job_name("flight_delay", "2013-06-01", "0123456789abcdef") == (
        "flight-delay-2013-06-01-0123456789ab"
    )


@given(st.text(string.ascii_lowercase + string.digits + "_", min_size=1, max_size=100))
def test_every_job_name_is_one_that_the_service_takes(pipeline):
    import re

    name = job_name("p" + pipeline, "2013-06-01", DIGEST)
    assert re.fullmatch(SERVICE_PATTERN, name)
    assert len(name) <= 63
    assert name.endswith(f"-2013-06-01-{DIGEST[:12]}")


def test_a_digest_does_not_depend_on_the_order_of_keys():
    assert content_digest({"a": 1, "b": 2}) == content_digest({"b": 2, "a": 1})
    assert content_digest({"a": 1}) != content_digest({"a": 2})


def test_inputs_and_outputs_of_an_attempt_share_no_prefix():
    layout = RunLayout.of(S3Uri.parse("s3://bucket/runs/"), "flights", "2013-06-01", "try-1")
    assert str(layout.index) == "s3://bucket/runs/flights/2013-06-01/try-1/input/index.json"
    assert str(layout.manifest) == "s3://bucket/runs/flights/2013-06-01/try-1/manifest.json"
    assert str(layout.output) == "s3://bucket/runs/flights/2013-06-01/try-1/output"
    assert not layout.output.key.startswith(layout.input.key)


def test_a_layout_is_found_again_from_its_index():
    layout = RunLayout.of(S3Uri.parse("s3://bucket"), "flights", "2013-06-01", "try-1")
    assert RunLayout.of_index(str(layout.index)) == layout


@pytest.mark.parametrize("uri", ["s3://bucket/runs", "s3://bucket/input/index.json/x", ""])
def test_another_uri_is_not_an_index(uri):
    with pytest.raises(ValueError, match="not the URI of an extract's index"):
        RunLayout.of_index(uri)


@pytest.mark.parametrize("text", ["", "bucket/key", "s3://", "s3://UPPER/key", "https://b/k"])
def test_what_is_no_s3_uri_is_refused(text):
    with pytest.raises(ValueError, match="is not an S3 URI"):
        S3Uri.parse(text)


def test_shard_names_sort_as_their_numbers_do():
    names = [shard_name(number, "csv.gz") for number in (0, 9, 10, 99_999)]
    assert names == sorted(names)
    assert output_name(names[0]) == "part-00000.csv.gz.out"


@given(st.lists(st.text(max_size=60), min_size=3, max_size=3), st.text(max_size=20))
def test_a_statement_says_of_which_task_it_is_and_for_which_deployment(ids, deployment):
    name = statement_name(deployment, *ids)
    assert name.startswith(statements_of(deployment))
    assert len(name) <= 500
    assert task_of_statement(name, deployment) in (tuple(ids), None)
    assert task_of_statement(name, f"{deployment}x") is None


def test_a_statement_of_long_ids_has_a_name_all_the_same():
    ids = ["d" * 250, "t" * 250, "r" * 250]
    assert statement_name("s3://b/runs", *ids) == statement_name("s3://b/runs", *ids)
    assert len(statement_name("s3://b/runs", *ids)) < 500
    assert task_of_statement(statement_name("s3://b/runs", *ids), "s3://b/runs") is None
    assert task_of_statement(statement_name("s3://b/runs", "d", "t/x", "r"), "s3://b/runs") == (
        *("d", "t/x", "r"),
    )
