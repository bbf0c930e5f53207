"""Whatever runs, fails, is cleared, changes its data and grows old, and whenever it is tidied:

nothing is ever deleted that a run at work, the partition in force, a run over the same data, or a
person who clears a failed run asks for; and what nobody asks for does not stay.
"""

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.unit.scoring.retention.housekept import CONTENTS, Housekept


def event(name, **choices):
    choices = {each: st.sampled_from(values) for each, values in choices.items()}
    return st.tuples(st.just(name), st.fixed_dictionaries(choices))


EVENTS = st.one_of(
    event("a_run_ends_well", content=CONTENTS),
    event("a_run_begins", content=CONTENTS, seen=(True, False), tasks=(1, 2, 3)),
    event("a_run_goes_on", which=(0, 1), steps=(1, 3)),
    event("a_run_fails", which=(0, 1)),
    event("a_failed_run_is_cleared", which=(0, 1)),
    event("hours_pass", hours=(1, 12, 22)),
    event("time_passes_and_it_is_tidied", days=(0, 1, 11, 25, 40), hours=(1, 12, 23)),
    event("time_passes_and_it_is_tidied", days=(0, 1, 11, 25, 40), hours=(1, 12, 23)),
)


@given(st.lists(EVENTS, min_size=15, max_size=40))
@settings(max_examples=100, deadline=None, derandomize=True, phases=[Phase.generate])
def test_nothing_is_deleted_that_anybody_asks_for_and_nothing_else_stays(events):
    world = Housekept()
    for name, arguments in events:
        getattr(world, name)(**arguments)
        if name == "time_passes_and_it_is_tidied":
            world.check()
    world.it_ends()
