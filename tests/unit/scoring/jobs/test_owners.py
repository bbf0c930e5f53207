"""A job is stopped when the last who wants it goes, and not before."""

import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batch_transform.scoring.errors import Transient
from batch_transform.scoring.jobs.owners import Owner, Stop, give_up, owners
from batch_transform.scoring.jobs.service import COMPLETED
from batch_transform.scoring.jobs.start import How
from batch_transform.scoring.jobs.sweep import sweep
from tests.unit.scoring.jobs.conftest import JOB, OWNER, ROOT, Task, end

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Tag.html
TAG_KEY = re.compile(r"[\w\s.:/=+\-@]{1,128}")
TAG_VALUE = re.compile(r"[\w\s.:/=+\-@]{0,256}")
# As long as Airflow takes them.
IDS = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=250)


@example("d" * 250, "r" * 250, "t" * 250, 7, 1)  # three tags
@given(IDS, IDS, IDS, st.integers(-1, 1000), st.integers(0, 10**6))
def test_any_ids_become_tags_from_which_they_can_be_read_again(dag, run, task, index, tries):
    owner = Owner(
        deployment=ROOT,
        dag_id=dag,
        run_id=run,
        task_id=task,
        map_index=index,
        try_number=tries,
    )
    assert all(map(TAG_KEY.fullmatch, owner.mark))
    assert all(map(TAG_VALUE.fullmatch, owner.mark.values()))
    known = owners(owner.tags("d1"), ROOT)
    assert (known.of_deployment, known.has_others) == ((owner,), False)
    assert owners(owner.tags("d1"), "s3://another/root") is None


@pytest.mark.parametrize("run", ["nightly", "r" * 250])
def test_an_owner_goes_with_all_of_its_tags(aws, run):
    first, second = Task(aws, run), Task(aws, "by hand")
    held, _ = first.attempt(), second.attempt()
    assert len(first.owner.mark) == (1 if run == "nightly" else 2)
    assert give_up(aws.jobs, JOB.name(1), first.owner) is Stop.OWNED
    assert not first.owner.mark.keys() & aws.jobs.tags(held.job.arn).keys()
    assert list(sweep(aws.jobs, ROOT, lambda owner: owner == first.owner)) == [JOB.name(1)]


def test_a_job_in_flight_has_the_tags_of_its_task_after_an_upgrade():
    # printf 's3://bucket/runs' | sha256sum; printf 'apples\\0nightly\\0transform\\0-1' | sha256sum
    assert OWNER.key == "batch-transform:owner:0863ef5cf26d:ac97b1096348"


def test_a_later_attempt_has_the_tags_of_the_one_before():
    for length in range(200, 250):
        marks = [replace(OWNER, run_id="r" * length, try_number=n).mark for n in (1, 9, 10, 999)]
        assert len({frozenset(mark) for mark in marks}) == 1


def test_as_many_runs_own_a_job_as_it_can_have_tags_and_the_others_wait_for_its_end(aws):
    runs = [Task(aws, f"run {number}") for number in range(60)]
    held = runs[0].attempt()
    for run in runs[1 : 50 - 3]:  # three of the tags name no owner
        assert run.attempt().how is How.ATTACHED
    for run in runs[50 - 3 :]:
        with pytest.raises(Transient, match="would have 51 tags, and SageMaker allows 50"):
            run.attempt()
    end(aws, held, COMPLETED)
    assert {run.attempt().job.name for run in runs} == {JOB.name(1)}
    assert aws.jobs.created == [JOB.name(1)]


def test_runs_that_use_a_job_which_is_over_leave_no_tag_on_it(aws, task):
    held = task.attempt()
    end(aws, held, COMPLETED)
    before = aws.jobs.tags(held.job.arn)
    for number in range(60):
        assert Task(aws, f"run {number}").attempt().how is How.REUSED
    assert aws.jobs.tags(held.job.arn) == before


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


def test_a_job_that_cannot_be_looked_after_keeps_no_other_running_and_is_named(aws, task):
    aws.jobs.create({**JOB.to_create(1, 0), "TransformJobName": "broken"})
    held = task.attempt()
    broken, of_others = aws.jobs.find("broken").arn, aws.jobs.tags

    def tags(arn):
        if arn == broken:
            raise Transient("AWS is away")
        return of_others(arn)

    aws.jobs.tags = tags
    stopped = []
    with pytest.raises(Transient, match="AWS is away") as raised:
        stopped.extend(sweep(aws.jobs, ROOT, lambda owner: False))
    assert raised.value.__notes__ == ["Transform job broken was not looked after"]
    assert aws.jobs.stopped == [held.job.name]
