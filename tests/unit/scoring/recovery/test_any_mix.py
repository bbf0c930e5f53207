"""Whatever befalls the jobs beside bad records, and wherever the search is begun anew.

A job is lost in part or whole, its log is silent, cut or late, and for a while the service refuses
or fails whatever it is sent. No good record is ever given up, and where the search comes to its end
exactly the bad ones are, and each good one is answered once.
"""

from collections import Counter
from datetime import timedelta

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from batch_transform.scoring.errors import JobFailed, LimitHit
from batch_transform.scoring.testing import BROKEN, Died, Mishap, Refused, TimedOut
from tests.unit.scoring.recovery.conftest import Run, apple, apples, given_up

# Jobs without a mishap: the first; two cuts, since what holds or ends the container is sent whole
# first; and one that confirms.
JOBS = 4
MOST_ROUNDS = 20


class Crash(Exception):
    """The worker is gone."""


@st.composite
def mishaps(draw):
    return Mishap(
        lost=draw(st.sets(st.integers(0, 2), max_size=2).map(frozenset)),
        finished=draw(st.integers(0, 3)),
        reason=draw(st.sampled_from(["", BROKEN])),
        silent=draw(st.booleans()),
        unseen=draw(st.sets(st.integers(0, 12), max_size=8).map(frozenset)),
        late=timedelta(seconds=draw(st.sampled_from([0, 30, 3600]))),
    )


@st.composite
def cases(draw):
    count = draw(st.integers(3, 60))
    ends = st.sampled_from([400, 500, TimedOut, Died])
    bad = draw(st.dictionaries(st.integers(1, count), ends, max_size=4))
    killers = [number for number, end in bad.items() if end is Died]
    return {
        "count": count,
        "shards": draw(st.integers(1, min(count, 6))),
        "instances": draw(st.integers(1, 3)),
        "batch": draw(st.integers(1, 15)),
        "bad": {n: end for n, end in bad.items() if n not in killers[1:]},
        "mishaps": draw(st.dictionaries(st.integers(0, 5), mishaps(), max_size=3)),
        "away": draw(st.none() | st.tuples(st.integers(0, 60), st.integers(1, 80))),
        "status": draw(st.sampled_from([404, 500, 503])),
        "crashes": draw(st.sets(st.tuples(st.integers(1, 5), st.booleans()), max_size=3)),
    }


class Service:
    """A model with bad records, that is away for some requests one after the other."""

    def __init__(self, case):
        self.bad, self.status = case["bad"], case["status"]
        first, count = case["away"] or (0, 0)
        self.away, self.requests = range(first, first + count), 0

    def __call__(self, batch):
        self.requests += 1
        if self.requests - 1 in self.away:
            raise Refused(self.status, "away")
        for line in batch:
            if apple(line) in self.bad:
                end = self.bad[apple(line)]
                raise Refused(end) if isinstance(end, int) else end()
        return [b"0.25"] * len(batch)


def run_of(case):
    return Run(
        apples(case["count"]),
        Service(case),
        simulated={"batch": case["batch"], "mishaps": case["mishaps"]},
        shards={"min_count": case["shards"]},
        transform={"instance_count": min(case["shards"], case["instances"])},
        limits={"bad_records": case.get("allowed", case["count"]), "max_rounds": MOST_ROUNDS},
    )


def recovered(run, crashes, since=None):
    """Recover; a worker dies before or after the job of some rounds."""
    left = Counter(crashes)

    def launch(sent):
        for after in (False, True):
            job = run.launch(sent) if after else None
            if left[sent.number, after]:
                left[sent.number, after] -= 1
                raise Crash
        return job

    while True:
        try:
            return run.recover(launch, since)
        except Crash:
            continue


def outcome(case, crashes=()):
    """Return what a search comes to, with the jobs it took; a person clears it a few times."""
    run, since = run_of(case), None
    for _ in range(4):
        try:
            coverage = recovered(run, crashes, since)
        except JobFailed:
            since = run.service.jobs.now
        except LimitHit as error:
            return run, str(error)
        else:
            return run, coverage
    return run, "the service fails"


@settings(max_examples=100, deadline=None)
@given(cases())
def test_no_good_record_is_given_up_and_every_good_one_is_answered_once(case):
    run, coverage = outcome(case, case["crashes"])
    if coverage is None:
        assert not case["bad"]
    elif not isinstance(coverage, str):
        good = set(range(1, case["count"] + 1)) - case["bad"].keys()
        assert run.answered(coverage) == sorted(good)
        assert given_up(coverage) == sorted(case["bad"])


@settings(max_examples=40, deadline=None)
@given(cases(), st.integers(0, 2))
def test_the_jobs_are_the_same_wherever_it_is_begun_anew(case, more):
    clean, expected = outcome(case)
    run, coverage = outcome(case, [*case["crashes"]] * (more + 1))
    assert run.service.jobs.created == clean.service.jobs.created
    if not isinstance(coverage, str | None):
        assert (coverage.jobs, given_up(coverage)) == (expected.jobs, given_up(expected))


CALM = {"away": None, "crashes": set()}
LOST = {  # one of two instances, whose objects no line names
    "count": 40,
    "shards": 4,
    "instances": 2,
    "batch": 10,
    "bad": {},
    "mishaps": {0: Mishap(lost=frozenset({1}), reason=BROKEN)},
    "status": 500,
    **CALM,
}


@settings(max_examples=60, deadline=None)
@example(LOST, 1)
@given(cases(), st.integers(0, 2))
def test_each_mishap_costs_a_job_at_most_and_hits_no_limit(case, number):
    bad = {record: end for record, end in case["bad"].items() if end is not Died}
    few = dict(list(case["mishaps"].items())[:number])
    assume(len(bad) < case["shards"])  # else nothing may show that the service works
    run, coverage = outcome({**case, **CALM, "bad": bad, "mishaps": few, "allowed": len(bad)})
    assert not isinstance(coverage, str)
    assert run.jobs <= JOBS + len(few)
