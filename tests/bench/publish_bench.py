"""A partition proven in groups and then published: `reconcile` and `publish`.

Each task is a process of its own. Groups are measured beside one task that proves all, by CPU: each
is meant for a worker of its own. What publishes their rows is measured in pairs with bare COPY.
"""

from statistics import median

from tests.bench.load_stack import running
from tests.bench.row import Row

ROWS = 4_000_000  # what starting costs each group is to count for little
GROUPS = 2
ROUNDS = 3
MOST_MB = 400


def proving(stack):
    """Prove all in one task, then in two; what the groups cost together, wherever each runs."""
    one, both = [], []
    for _ in range(ROUNDS):
        one.append(stack.run("reconcile", "csv")["cpu"])
        both.append(sum(prove_group(stack, group) for group in range(GROUPS)))
    ratio = median(both) / median(one)
    return Row(
        name="publish-groups",
        ours=ROWS / median(both),
        peer=ROWS / median(one),
        unit="rows/CPU s",
        ratio=ratio,
        target="<= 1.1 x the CPU of one task that proves all",
        holds=ratio <= 1.1,
    )


def prove_group(stack, group):
    return stack.run("reconcile", "csv", str(group), str(GROUPS))["cpu"]


def publishing(stack):
    """Publish what the groups have proven, and copy the same rows: speed and memory."""
    pairs = []
    for _ in range(ROUNDS):
        stack.empty_table()
        ours = stack.run("publish", "csv", str(GROUPS))
        stack.check(ROWS)
        pairs.append((ours, stack.measure("copy", "csv", ROWS)))
    seconds = [(ours["seconds"], bare["seconds"]) for ours, bare in pairs]
    slower = median(ours / bare for ours, bare in seconds)
    peak = max(ours["megabytes"] for ours, _ in pairs)
    return [
        Row(
            name="publish beside COPY",
            ours=ROWS / median(ours for ours, _ in seconds),
            floor=ROWS / median(bare for _, bare in seconds),
            unit="rows/s",
            ratio=slower,
            target="<= 1.8 x the time of COPY",
            holds=slower <= 1.8,
        ),
        Row(
            name="publish-memory",
            ours=peak,
            unit="MB",
            ratio=peak / MOST_MB,
            target=f"< {MOST_MB} MB for 4 M rows",
            holds=peak < MOST_MB,
        ),
    ]


def publish():
    with running() as stack:
        stack.fill("csv", ROWS)
        return [proving(stack), *publishing(stack)]


BENCHES = {"publish": publish}
