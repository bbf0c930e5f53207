"""``batch-transform capacity``: a night as a table, as JSON, and what is no night."""

import pytest

NIGHT = ("--rows", "1e9", "--model-speed", "2000", "--instances", "20", "--slices", "8")
NIGHT += ("--source", "parquet", "--workers", "4", "--deadline", "2h")


@pytest.fixture
def capacity(invoke):
    return lambda *flags: invoke("capacity", *flags)


def test_it_prints_each_task_the_first_limit_and_what_to_turn(capacity):
    ran = capacity(*NIGHT)
    assert ran.code == 0
    lines = ran.out.splitlines()
    tasks = [line.split()[0] for line in lines[1:10]]
    assert tasks == [
        *("plan", "extract", "join_slices", "build_manifest", "transform"),
        *("wait", "recover", "load", "report"),
    ]
    assert lines[10].endswith("of 2 h 0 min: NOT IN TIME")
    assert lines[12].startswith("First limit: transform takes ")
    assert lines[12].endswith("held by transform.instance_count")
    assert lines[13].startswith("Turn: transform.instance_count 20 → 40, quota of instances 20 →")
    assert any(line.endswith("(make bench ROW=parquet)") for line in lines)


def test_the_same_for_programs(capacity):
    found = capacity(*NIGHT, "--json").json
    assert found["seconds"] == pytest.approx(sum(each["seconds"] for each in found["stages"]))
    assert not found["carried"]
    assert found["turns"][-1]["seconds"] <= found["deadline_seconds"] == 7200
    assert found["rates"]["parquet"]["by"] == "make bench ROW=parquet"


def test_a_night_that_is_carried_says_how_many_rows_there_could_be(capacity):
    ran = capacity("--rows", "1e6", "--model-speed", "2000")
    assert ": in time\n" in ran.out
    assert "As it is, " in ran.out
    assert "Turn:" not in ran.out


def test_a_figure_of_ones_own_is_taken_and_said_to_be_that(capacity):
    slow = capacity(*NIGHT, "--rate", "load=1000", "--json").json
    load = next(each for each in slow["stages"] if each["task"] == "load")
    assert load["seconds"] > 1e6
    assert slow["rates"]["load"]["by"] == "given"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--deadline", "soon"), "--deadline is 'soon'; it must be a whole number and a unit"),
        (("--rate", "load"), "--rate is 'load'; give a name and a number"),
        (("--source", "unload"), "give --rate unload=… in rows/s"),
    ],
)
def test_what_cannot_be_calculated_is_said(capacity, flags, words):
    ran = capacity(*NIGHT, *flags)
    assert ran.code == 3
    assert words in ran.err


def test_what_would_be_refused_is_not_told_to_be_in_time(capacity):
    ran = capacity("--rows", "1e6", "--model-speed", "2000", "--instances", "101")
    assert ": REFUSED\n" in ran.out
    assert "SageMaker takes 100 in a job" in ran.out
