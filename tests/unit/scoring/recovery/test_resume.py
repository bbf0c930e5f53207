"""However often the search is begun anew, and by whom: the same jobs, and none twice."""

from dataclasses import replace
from datetime import timedelta

import pytest

from batch_transform.scoring.aws.objects import ObjectChanged
from batch_transform.scoring.errors import LimitHit, ObjectDamaged, OutputError, Transient
from batch_transform.scoring.jobs.service import STOPPED
from batch_transform.scoring.recovery.judgement import LOG_DELAY, judged
from batch_transform.scoring.testing import InMemoryObjects, Mishap
from tests.unit.scoring.recovery.conftest import LAYOUT, apples, given_up, refusing

FIVE = {"limits": {"bad_records": 5}}


class Killed(Exception):
    """The worker is gone."""


def thousand(run, bad=(500,), **changes):
    return run(apples(1000), refusing(set(bad)), shards={"min_count": 4}, **{**FIVE, **changes})


def objects_below(this, prefix):
    return {uri.key for uri in this.service.objects.content if uri.key.startswith(prefix)}


@pytest.mark.parametrize("round_number", [1, 2])
@pytest.mark.parametrize("after", [True, False], ids=["after the job", "before the job"])
def test_a_worker_that_dies_in_any_round_costs_no_job_more(run, round_number, after):
    clean = thousand(run)
    clean.recover()
    this = thousand(run)

    def launch(sent):
        if after:
            this.launch(sent)
        if sent.number == round_number:
            raise Killed
        return this.launch(sent)

    with pytest.raises(Killed):
        this.recover(launch)
    coverage = this.recover()
    assert given_up(coverage) == [500]
    assert len(this.answered(coverage)) == 999
    assert this.service.jobs.created == clean.service.jobs.created


def test_a_log_that_says_more_later_changes_no_round(run):
    this = thousand(run, {300, 800})
    lines = this.service.logs.data_logs["apples-first"]
    this.service.logs.data_logs["apples-first"] = [lines[0][:4]]
    first = this.recover()
    this.service.logs.data_logs["apples-first"] = lines
    assert this.recover().jobs == first.jobs
    for name in this.service.jobs.created:
        this.service.logs.data_logs[name] = []
    assert this.recover().jobs == first.jobs, "nor one that has expired"


def test_of_two_attempts_that_judge_at_once_the_second_takes_what_the_first_has_kept(run):
    this = thousand(run, {300, 800})
    lines = this.service.logs.data_logs["apples-first"]
    logs, first = this.service.logs, []

    def slower(job_name, read=logs.data_log):
        logs.data_log = read
        first.append(this.recover())
        return [lines[0][:4]]

    logs.data_log = slower
    assert this.recover().jobs == first[0].jobs


def test_a_later_run_that_attaches_to_the_failed_job_pays_nothing_and_writes_nothing(run):
    this = thousand(run)
    first = this.recover()
    jobs, before = this.jobs, objects_below(this, "recover/")
    second = this.recover()
    assert (this.jobs, second) == (jobs, first)
    assert objects_below(this, "recover/") == before, "the pieces are where they were"


@pytest.mark.parametrize("what", ["", ".csv"], ids=["with their index", "alone"])
def test_pieces_that_have_expired_are_written_again_for_a_job_that_is_still_to_come(run, what):
    this = thousand(run)

    def launch(sent):
        raise Killed

    with pytest.raises(Killed):
        this.recover(launch)
    content, before = this.service.objects.content, objects_below(this, "recover/")
    for uri in [u for u in content if u.key.startswith("recover/") and u.key.endswith(what)]:
        del content[uri]
    this.attempts -= 1  # the same attempt, as its worker is replaced
    assert given_up(this.recover()) == [500]
    assert before <= objects_below(this, "recover/")


def test_outputs_that_have_expired_are_asked_for_again(run):
    this = thousand(run)
    first = this.recover()
    gone = next(uri for uri in this.service.objects.content if uri.key.endswith("00000.csv.out"))
    del this.service.objects.content[gone]
    second = this.recover()
    assert given_up(second) == [500]
    assert len(this.answered(second)) == 999
    assert set(second.jobs) != set(first.jobs)


def test_what_is_sent_names_the_job_and_nothing_else(run):
    first, second = thousand(run), thousand(run)
    first.recover()
    second.attempts = 70
    second.service.jobs.advance(timedelta(hours=1))
    second.recover()
    assert first.service.jobs.created == second.service.jobs.created
    other = thousand(run, transform={"max_payload_mb": 5})
    other.recover()
    assert set(other.service.jobs.created[1:]).isdisjoint(first.service.jobs.created)


def test_the_same_sent_twice_is_two_jobs(run):
    this = thousand(run)
    this.service.mishaps = {1: Mishap(lost=frozenset({0}), reason="InternalServerError")}
    assert given_up(this.recover()) == [500]
    assert len(set(this.service.jobs.created)) == this.jobs == 4


def test_a_job_that_read_another_extract_is_not_recovered_from(run):
    this = thousand(run)
    other = this.index.model_copy(
        update={
            "shards": tuple(
                shard.model_copy(update={"records_sha256": "0" * 64}) for shard in this.index.shards
            )
        }
    )
    this.index = other
    with pytest.raises(OutputError, match="read other records .* clear the transform task"):
        this.recover()


def test_the_deadline_counts_from_the_first_try_after_a_clear(run):
    this = thousand(run, limits={"bad_records": 5, "deadline": "1h"})
    this.service.jobs.advance(timedelta(hours=12))
    with pytest.raises(LimitHit, match=r"deadline was over at 2013-06-01 01:00 UTC: clear"):
        this.recover()
    assert given_up(this.recover(since=this.service.jobs.now)) == [500]


def test_limits_stop_what_is_to_be_paid_and_not_what_is(run):
    this = thousand(run)
    first = this.recover()
    tight = {"bad_records": 5, "max_rounds": 0, "instance_hours": 0.01, "deadline": "1s"}
    this.change(shards={"min_count": 4}, limits=tight)
    this.service.jobs.advance(timedelta(days=1))
    assert this.recover() == first


def test_a_rounds_job_that_was_stopped_is_to_be_paid_again(run):
    this = thousand(run)
    sent = []

    def launch(job):
        sent.append(job)
        raise Killed

    with pytest.raises(Killed):
        this.recover(launch)
    this.launch(sent[0])
    this.service.jobs.end(this.service.jobs.created[-1], STOPPED)
    this.change(shards={"min_count": 4}, limits={"bad_records": 5, "deadline": "1s"})
    with pytest.raises(LimitHit, match="deadline was over"):
        this.recover()


def test_the_first_judgement_lies_beside_what_the_job_read(run):
    this = thousand(run)
    coverage = this.recover()
    root = LAYOUT.attempt_root.key
    assert objects_below(this, f"{root}/blame/") == {f"{root}/blame/apples-first.json"}
    kept = {key.rpartition("/")[2] for key in objects_below(this, "recover/") if "/blame/" in key}
    assert kept == {f"{name}.json" for name in coverage.jobs}


class Hidden(InMemoryObjects):
    """A judgement that is being written by another attempt, and cannot be read yet."""

    def put_if(self, uri, body, etag):
        raise ObjectChanged(str(uri))


def test_a_judgement_that_another_attempt_is_about_to_write_is_waited_for(run):
    this = thousand(run)
    hidden = Hidden()
    hidden.content.update(this.service.objects.content)
    services = replace(this.service.services, objects=hidden)
    later = this.service.jobs.now + LOG_DELAY
    with pytest.raises(Transient, match="Another attempt writes s3://bucket/.*first.json at this"):
        judged(this.job, ["part-00000.csv"], services, later)


def test_what_was_judged_is_told_though_the_outputs_are_all_there_by_now(run):
    this = thousand(run)
    services, now = this.service.services, this.service.jobs.now
    (blame,) = judged(this.job, ["part-00001.csv"], services, now).values()
    assert judged(this.job, [], services, now) == {"part-00001.csv": blame}


def test_where_nothing_is_missing_nothing_is_judged_and_nothing_kept(run):
    this = thousand(run)
    before = set(this.service.objects.content)
    assert judged(this.job, [], this.service.services, this.service.jobs.now) == {}
    assert set(this.service.objects.content) == before


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"a": ["NOBODY", "", ""]}', b'{"a": []}'])
def test_a_judgement_that_is_something_else_is_damaged(run, body):
    this = thousand(run)
    place = LAYOUT.attempt_root / "blame" / f"{this.job.name}.json"
    this.service.objects.put(place, body)
    with pytest.raises(ObjectDamaged, match="judgement"):
        this.recover()


def test_a_shard_that_is_another_by_now_is_not_cut_into_pieces(run):
    this = thousand(run)
    this.service.objects.put(LAYOUT.input / "part-00001.csv", b"1,0.5,red\n")
    with pytest.raises(OutputError, match=r"part-00001\.csv is not what the extract wrote; clear"):
        this.recover()
