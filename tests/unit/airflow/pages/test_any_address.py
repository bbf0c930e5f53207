"""Whatever is asked for, and whatever a run has left: a page, or a sentence, and never a crash."""

import random
from itertools import product
from urllib.parse import quote

import pytest

from batch_transform.scoring.names import S3Uri
from tests.unit.airflow.pages.conftest import FLIGHTS, GROUPS, OTHER, READER, ROOT, STRANGER

SEGMENTS = [
    *("runs", "pipelines", "tasks", FLIGHTS, GROUPS, OTHER, "nightly", "transform", ""),
    *("..", ".", "%2e%2e", "%00", "%ff", "%0d%0aSet-Cookie:x", "a%2Fb", "x" * 3000),
    *(quote(each) for each in ("<script>", "' OR 1=1 --", "{{ 7*7 }}", "\N{GREEN APPLE}", "a b")),
]
QUERIES = ["", "?month=2013-06", "?month=x", "?map_index=-1", "?map_index=x", "?a=%00&a=%ff", "?%"]
LEFT = [
    *(
        None,
        5,
        "",
        "x",
        "s3://",
        "s3://bkt/k",
        [],
        {},
        {"a": 1},
        True,
        "s3://bucket/a\nb/index.json",
    ),
    f"{ROOT}/flight_delay/2013-06-01/first/input/index.json",
]
LEFT_AT = ["s3://bkt/k", LEFT[-1]]
BODIES = [b"[" * 3000, b'{"pipeline": 5}']
KEYS = [
    "transform__progress",
    "extract__index",
    "recover__coverage",
    "report__report",
    "transform__job_name",
]


def addresses(count):
    chance = random.Random(13)
    for _ in range(count):
        path = "/".join(chance.choice(SEGMENTS) for _ in range(chance.randint(1, 5)))
        yield f"/{path}{chance.choice(QUERIES)}"


@pytest.mark.parametrize("user", [READER, STRANGER, None])
def test_any_address_is_a_page_or_a_refusal(server, runs, user):
    runs.add()
    found = {path: server.get(path, user=user).status_code for path in addresses(150)}
    assert {path: status for path, status in found.items() if status >= 500} == {}
    assert set(found.values()) & {401, 403, 404}
    if user != READER:
        assert 200 not in found.values()


@pytest.mark.parametrize("key", KEYS)
def test_whatever_a_run_has_handed_on_its_page_says_what_is_known(server, runs, key):
    state = "running" if key == "transform__progress" else "success"
    for number, value in enumerate(LEFT):
        runs.add(run_id=f"r{number}", state=state, day=1 + number, **{key: value})
    for number, body in product(range(len(LEFT)), BODIES):
        for uri in LEFT_AT:
            server.aws.objects.put(S3Uri.parse(uri), body)
        answer = server.get(f"/runs/{FLIGHTS}/r{number}")
        assert answer.status_code != 500, (LEFT[number], body)
        assert "Traceback" not in answer.text
