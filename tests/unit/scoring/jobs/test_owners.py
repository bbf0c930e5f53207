"""A job is stopped when the last who wants it goes, and not before."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_transform.scoring.jobs.owners import Owner, Stop, give_up, owners
from batch_transform.scoring.jobs.sweep import sweep
from tests.unit.scoring.jobs.conftest import JOB, OWNER, ROOT, Task

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Tag.html
TAG_KEY = re.compile(r"[\w\s.:/=+\-@]{1,128}")
TAG_VALUE = re.compile(r"[\w\s.:/=+\-@]{0,256}")
IDS = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=40)


@given(IDS, IDS, IDS, st.integers(-1, 1000), st.integers(0, 10**6))
def test_any_ids_become_a_tag_from_which_they_can_be_read_again(dag, run, task, index, tries):
    owner = Owner(
        deployment=ROOT,
        dag_id=dag,
        run_id=run,
        task_id=task,
        map_index=index,
        try_number=tries,
    )
    assert TAG_KEY.fullmatch(owner.key)
    assert TAG_VALUE.fullmatch(owner.value)
    known = owners(owner.tags("d1"), ROOT)
    if owner.value:
        assert (known.of_deployment, known.has_others) == ((owner,), False)
    else:
        assert known.has_others, "ids too long for a tag: nobody can ask, so nobody stops it"
    assert owners(owner.tags("d1"), "s3://another/root") is None


def test_the_last_owner_stops_the_job(aws):
    nightly, by_hand = Task(aws), Task(aws, "by hand")
    for task in (nightly, by_hand):
        task.attempt()
    assert give_up(aws.jobs, JOB.name(1), nightly.owner) is Stop.OWNED
    assert aws.jobs.stopped == []
    assert give_up(aws.jobs, JOB.name(1), by_hand.owner) is Stop.STOPPED
    assert give_up(aws.jobs, JOB.name(1), by_hand.owner) is Stop.OVER
    assert give_up(aws.jobs, "no-such-job", by_hand.owner) is Stop.OVER


def test_two_deployments_in_one_account_do_not_stop_each_others_job(aws):
    ours, theirs = Task(aws), Task(aws, deployment="s3://another/root")
    for task in (ours, theirs):
        task.attempt()
    assert give_up(aws.jobs, JOB.name(1), ours.owner) is Stop.OWNED
    assert list(sweep(aws.jobs, ROOT, lambda owner: False)) == []
    assert give_up(aws.jobs, JOB.name(1), theirs.owner) is Stop.STOPPED


def test_an_attempt_that_is_followed_by_a_later_one_stops_nothing(aws, task):
    task.attempt()
    first = task.owner
    task.attempt()
    assert give_up(aws.jobs, JOB.name(1), first) is Stop.OWNED
    assert give_up(aws.jobs, JOB.name(1), task.owner) is Stop.STOPPED


def test_an_attempt_may_stop_the_job_that_an_earlier_one_has_started(aws, task):
    task.attempt()
    later = replace(task.owner, try_number=task.owner.try_number + 1)
    assert give_up(aws.jobs, JOB.name(1), later) is Stop.STOPPED, "it died before it attached"


@pytest.mark.parametrize("alive", [set(), {"nightly"}, {"by hand"}, {"nightly", "by hand"}])
def test_the_janitor_stops_what_no_living_task_wants(aws, alive):
    for run in ("nightly", "by hand"):
        Task(aws, run).attempt()
    stopped = list(sweep(aws.jobs, ROOT, lambda owner: owner.run_id in alive))
    assert stopped == aws.jobs.stopped == ([] if alive else [JOB.name(1)])


def test_the_janitor_stops_a_job_whose_last_owner_died_between_giving_up_and_stopping(aws, task):
    held = task.attempt()
    aws.jobs.untag(held.job.arn, [task.owner.key])
    assert list(sweep(aws.jobs, ROOT, lambda owner: True)) == [JOB.name(1)]


def test_the_janitor_leaves_other_jobs_alone(aws):
    aws.jobs.create({**JOB.to_create(1, 0), "Tags": []})
    assert list(sweep(aws.jobs, ROOT, lambda owner: False)) == []


def test_the_janitor_leaves_a_job_to_an_attempt_that_attaches_while_it_asks(aws, task):
    task.attempt()

    def is_alive(owner):
        Task(aws, "by hand").attempt()
        return False

    assert list(sweep(aws.jobs, ROOT, is_alive)) == []


def test_a_mapped_task_is_an_owner_for_each_of_its_instances(aws):
    keys = {replace(OWNER, map_index=index).key for index in (-1, 0, 1)}
    assert len(keys) == 3
