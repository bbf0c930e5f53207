"""One bad record costs one record, whatever is wrong with it."""

import pytest

from batch_transform.scoring.errors import JobFailed, LimitHit, OutputError
from batch_transform.scoring.testing import Died, Refused, TimedOut
from tests.unit.scoring.recovery.conftest import apple, apples, refusing

HALF = {"limits": {"bad_records": "50%"}}


def four_shards(**changes):
    return {"shards": {"min_count": 4}, **HALF, **changes}


def test_nothing_missing_is_nothing_to_do(run):
    this = run(apples(8), refusing(()))
    assert this.recover() is None
    assert len(this.service.jobs.created) == 1


@pytest.mark.parametrize("bad", [{1}, {40}, {17}, {17, 18}, {10, 11}, set(range(11, 21)), {3, 39}])
def test_exactly_the_bad_records_are_given_up(run, bad):
    this = run(apples(40), refusing(bad), **four_shards())
    rows, quarantined = this.loaded(this.recover())
    assert [row[0] for row in rows] == [n for n in range(1, 41) if n not in bad]
    assert [each.id for each in quarantined] == [(str(n),) for n in sorted(bad)]
    assert [each.reason for each in quarantined] == [f"cannot score {n}" for n in sorted(bad)]


def test_what_is_kept_of_a_record(run):
    this = run(apples(40), refusing({17}), **four_shards())
    coverage = this.recover()
    (kept,) = coverage.quarantined
    assert kept.model_dump() == {
        "id": ("17",),
        "shard": "part-00001.csv",
        "line": 7,
        "status": "400",
        "reason": "cannot score 17",
        "record": "17,0.5,red",
    }
    assert coverage.jobs == tuple(this.service.jobs.created[1:])
    assert coverage.seconds == 300 * len(coverage.jobs)


def test_a_server_error_of_one_shard_among_others_is_the_records(run):
    this = run(apples(40), refusing({17}, lambda n: Refused(500, "boom")), **four_shards())
    _, quarantined = this.loaded(this.recover())
    assert [(each.id, each.status) for each in quarantined] == [(("17",), "500")]
    assert len(this.service.jobs.created) == 3


def test_a_service_that_fails_for_a_while_costs_no_record(run):
    calls = iter(range(100))

    def model(batch):
        if next(calls) < 2:
            raise Refused(503, "starting")
        return [b"0.25"] * len(batch)

    this = run(apples(8), model, shards={"min_count": 2})
    coverage = this.recover()
    assert coverage.quarantined == ()
    assert len(coverage.jobs) == 1
    assert [part.sent.records for part in coverage.parts] == [4, 4], "sent whole, not cut"


def test_a_service_that_fails_some_for_a_while_hits_no_limit(run):
    calls = iter(range(1000))

    def model(batch):
        if next(calls) == 2:
            raise Refused(500, "a hiccup")
        return [b"0.25"] * len(batch)

    this = run(apples(40), model, shards={"min_count": 4})
    coverage = this.recover()
    assert (coverage.quarantined, len(coverage.jobs)) == ((), 1)
    assert len(this.loaded(coverage)[0]) == 40


@pytest.mark.parametrize(("allowed", "jobs"), [("50%", 3), (0, 2)])
def test_a_service_that_fails_everything_fails_the_run(run, allowed, jobs):
    def model(batch):
        raise Refused(500, "no model")

    limits = {"bad_records": allowed, "on_limit": "load_rest"}
    this = run(apples(8), model, **four_shards(limits=limits))
    with pytest.raises(JobFailed, match=r"fails whatever is sent.*500 no model"):
        this.recover()
    assert len(this.service.jobs.created) == jobs


@pytest.mark.parametrize("bad", [{1}, {20}, {40}, {7, 33}, {11, 12}])
@pytest.mark.parametrize("ending", [Died, TimedOut])
def test_a_record_that_ends_or_holds_the_container_is_found_and_no_other_is_lost(run, bad, ending):
    this = run(apples(40), refusing(bad, lambda n: ending()), **four_shards(
        limits={"bad_records": "50%", "max_rounds": 20}))  # fmt: skip
    rows, quarantined = this.loaded(this.recover())
    assert {each.id for each in quarantined} == {(str(n),) for n in bad}
    assert len(rows) == 40 - len(bad)


def test_a_container_that_ends_on_one_record_of_many_takes_three_rounds(run):
    this = run(apples(1000), refusing({500}, lambda n: Died()), **HALF)
    coverage = this.recover()
    assert [each.id for each in coverage.quarantined] == [("500",)]
    assert len(coverage.jobs) == 3
    requests = [this.service.jobs.find(name).described for name in coverage.jobs]
    assert {each["MaxConcurrentTransforms"] for each in requests} == {1}


@pytest.mark.parametrize("answers", [lambda n: 1, lambda n: n - 1 or n], ids=["one", "short"])
@pytest.mark.parametrize("join", ["engine", "line"])
def test_miscounted_answers_are_asked_for_record_by_record(run, answers, join):
    this = run(
        apples(40),
        lambda batch: [b"0.25"] * answers(len(batch)),
        shards={"min_count": 4},
        transform={"join": join},
    )
    coverage = this.recover()
    rows, quarantined = this.loaded(coverage)
    assert (len(rows), quarantined) == (40, ())
    (name,) = coverage.jobs
    assert this.service.jobs.find(name).described["BatchStrategy"] == "SingleRecord"


@pytest.mark.parametrize("join", ["engine", "line"])
def test_miscounted_answers_fail_the_run_where_the_pipeline_says_so(run, join):
    this = run(
        apples(40),
        lambda batch: [b"0.25"],
        transform={"join": join},
        recover={"miscounted": "fail"},
    )
    with pytest.raises(OutputError, match=r"miscounted is fail|it has 40 records, but its output"):
        this.loaded(this.recover())
    assert len(this.service.jobs.created) == 1


def grumbling(bad):
    return lambda batch: [b"ERROR" if apple(line) in bad else b"0.25" for line in batch]


def test_unfit_answers_are_sent_again_by_themselves_where_the_pipeline_says_so(run):
    asked = []

    def model(batch):
        asked.append(len(batch))
        bad = {5, 25} if len(batch) > 1 else {25}
        return grumbling(bad)(batch)

    recover = {"unfit": "resend", "placeholder": "ERROR"}
    this = run(apples(40), model, **four_shards(recover=recover))
    coverage = this.recover()
    rows, quarantined = this.loaded(coverage)
    assert len(rows) == 39
    assert [(each.id, each.line) for each in quarantined] == [(("25",), 5)]
    assert "the model answered 'ERROR'" in quarantined[0].reason
    assert asked[4:] == [1] * 5, "two records and the control, then one and the control"
    assert this.recover() == coverage.model_copy(), "an attempt more comes to the same"


def test_unfit_answers_are_left_to_load_otherwise(run):
    this = run(apples(40), grumbling({5}), **four_shards())
    assert this.recover() is None
    rows, quarantined = this.loaded(None)
    assert (len(rows), [each.id for each in quarantined]) == (39, [("5",)])


def test_unfit_answers_fail_the_run_where_the_pipeline_says_so(run):
    this = run(apples(40), grumbling({5}), **four_shards(recover={"unfit": "fail"}))
    with pytest.raises(OutputError, match=r"1 of 40 records .* recover\.unfit is fail"):
        this.loaded(this.recover())


def test_all_bad_stops_after_the_first_round(run):
    this = run(apples(1000), refusing(set(range(1, 1001))), shards={"min_count": 4},
               limits={"bad_records": "10%"})  # fmt: skip
    with pytest.raises(LimitHit, match=r"at least 1000 of 1000 records are bad, and .* allows 100"):
        this.recover()
    assert len(this.service.jobs.created) == 2
    assert len(this.service.sent) <= 1100, "no more than a job would send"


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ({"max_rounds": 0}, "max_rounds is 0, and at least 2 further jobs are needed"),
        ({"max_rounds": 1}, "max_rounds is 1, .* set it to 2 or more and clear"),
        ({"instance_hours": 0.05}, "0.08 instance hours are used, and .* 0.05: raise it and clear"),
        ({"deadline": "1m"}, "limits.deadline was over at 2013-06-01 00:01 UTC: clear"),
    ],
)
def test_every_limit_ends_the_search(run, limits, text):
    this = run(apples(1000), refusing({500}), shards={"min_count": 4},
               limits={"bad_records": "50%", **limits})  # fmt: skip
    with pytest.raises(LimitHit, match=text):
        this.recover()
    assert len(this.service.jobs.created) == 1


def test_a_part_that_is_lost_or_doubled_is_noticed(run):
    this = run(apples(40), refusing({17}), **four_shards())
    coverage = this.recover()
    lost = coverage.model_copy(update={"parts": coverage.parts[:-1]})
    with pytest.raises(OutputError, match=r"part-00003\.csv: records 1 to 10 are not covered"):
        this.loaded(lost)
    doubled = coverage.model_copy(update={"parts": (*coverage.parts, coverage.parts[0])})
    with pytest.raises(OutputError, match=r"part-00000\.csv: records 1 to 10 are covered twice"):
        this.loaded(doubled)
    kept = coverage.model_copy(update={"quarantined": ()})
    with pytest.raises(OutputError, match="are not covered"):
        this.loaded(kept)


def test_a_record_that_a_shard_does_not_have_is_noticed(run):
    this = run(apples(40), refusing({17}), **four_shards())
    coverage = this.recover()
    (bad,) = coverage.quarantined
    beyond = bad.model_copy(update={"line": 11})
    more = coverage.model_copy(update={"quarantined": (bad, beyond)})
    with pytest.raises(OutputError, match=r"part-00001\.csv: has 10 records, but 11 are covered"):
        this.loaded(more)
    foreign = bad.model_copy(update={"shard": "part-00009.csv"})
    more = coverage.model_copy(update={"quarantined": (bad, foreign)})
    with pytest.raises(OutputError, match="1 parts are of no shard"):
        this.loaded(more)
