"""What attempts leave for the next: what a retry goes on with, and a cleared task begins anew."""

from datetime import UTC, datetime, timedelta

import pytest

from batch_transform.scoring.jobs.memory import Chain, JobMemory
from batch_transform.scoring.testing import InMemoryMemory

NOW = datetime(2013, 6, 2, 3, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def attempt():
    """Make the memory of an attempt in a chain of tries, about a job with a label."""
    kept = InMemoryMemory()

    def make(attempt="a", number=1, label=""):
        return JobMemory(memory=kept, chain=Chain(attempt=attempt, number=number), label=label)

    return make


def test_the_first_try_of_a_chain_is_when_it_began(attempt):
    assert attempt().since(NOW) == NOW
    assert attempt("b").since(LATER) == NOW
    assert attempt("c", number=2).since(LATER) == LATER


def test_a_job_is_held_by_the_attempt_alone(attempt):
    assert attempt().held() is None
    attempt().hold("apples-1", "started")
    assert attempt().held() == {"attempt": "a", "job_name": "apples-1", "how": "started"}
    assert attempt("b").held() is None


def test_jobs_for_other_content_are_found_and_those_of_the_same_are_not(attempt):
    assert attempt().intended_otherwise("new") == []
    attempt().intend("apples-1", "old")
    attempt().intend("apples-2", "old")
    attempt().intend("apples-2", "old")
    assert attempt().intended_otherwise("old") == []
    assert attempt("b", number=2).intended_otherwise("new") == ["apples-1", "apples-2"]
    attempt("b", number=2).intend("apples-3", "new")
    assert attempt().intended_otherwise("old") == ["apples-3"]


def test_a_chain_knows_what_it_has_tried_and_another_does_not(attempt):
    assert attempt().tried() == []
    attempt().intend("apples-1", "old")
    attempt("b").intend("apples-2", "new")
    attempt("b").intend("apples-1", "new")
    assert attempt("c").tried() == ["apples-1", "apples-2"]
    assert attempt(number=2).tried() == []


def test_what_was_handed_on_is_that_of_a_chain_before(attempt):
    assert not attempt().concluded_before("apples-1")
    attempt().conclude("apples-1")
    attempt().conclude("apples-2")
    assert not attempt("b").concluded_before("apples-1")
    assert attempt(number=2).concluded_before("apples-1")
    assert attempt(number=2).concluded_before("apples-2")
    assert not attempt(number=2).concluded_before("apples-3")


def test_a_choice_stays_for_a_chain(attempt):
    assert attempt().pinned("model", lambda: "v1") == "v1"
    assert attempt("b").pinned("model", lambda: "v2") == "v1"
    assert attempt(number=2).pinned("model", lambda: "v2") == "v2"


def test_refusals_are_counted_from_the_first_of_an_attempt(attempt):
    assert attempt().refused(NOW) == (1, NOW)
    assert attempt().refused(LATER) == (2, NOW)
    assert attempt("b").refused(LATER) == (1, LATER)


def test_what_was_shown_of_a_log_is_that_of_its_job(attempt):
    assert attempt().shown("apples-1") == []
    attempt().show("apples-1", ("first", "second"))
    assert attempt("b", number=2).shown("apples-1") == ["first", "second"]
    assert attempt().shown("apples-2") == []


def test_what_one_kind_of_record_says_leaves_the_others_as_they_are(attempt):
    memory = attempt()
    memory.since(NOW)
    memory.hold("apples-1", "started")
    memory.intend("apples-1", "digest")
    memory.conclude("apples-1")
    memory.refused(LATER)
    assert memory.since(LATER) == NOW
    assert memory.held()["job_name"] == "apples-1"
    assert memory.tried() == ["apples-1"]
    assert memory.refused(NOW) == (2, LATER)


def test_a_label_alone_tells_two_jobs_of_one_task_apart(attempt):
    first, second = attempt(label="00-"), attempt(label="01-")
    assert first.pinned("model", lambda: "v1") == "v1"
    assert second.pinned("model", lambda: "v2") == "v2"
    assert set(first.memory.values) == {"00-model", "01-model"}


@pytest.mark.parametrize("number", [1, 2])
def test_what_tasks_in_flight_have_kept_is_read_after_an_upgrade(number):
    kept = InMemoryMemory()
    kept.values = {
        "transform_job": {"digest": "old", "names": ["apples-1"]},
        "held": {"attempt": "a", "job_name": "apples-1", "how": "started"},
        "tried": {"chain": 1, "names": ["apples-1"]},
        "concluded": {"apples-1": 1},
        "first_try": {"chain": 1, "at": NOW.isoformat()},
        "refused": {"attempt": "a", "since": NOW.isoformat(), "times": 3},
        "model": {"chain": 1, "value": "v1"},
    }
    memory = JobMemory(memory=kept, chain=Chain(attempt="a", number=number))
    is_same = number == 1
    assert memory.intended_otherwise("new") == ["apples-1"]
    assert memory.held()["how"] == "started"
    assert memory.tried() == (["apples-1"] if is_same else [])
    assert memory.concluded_before("apples-1") is not is_same
    assert memory.since(LATER) == (NOW if is_same else LATER)
    assert memory.refused(LATER) == (4, NOW)
    assert memory.pinned("model", lambda: "v2") == ("v1" if is_same else "v2")
