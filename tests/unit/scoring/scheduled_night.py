"""A night on a scheduler: tasks that begin and end, one event after the other.

It shares nothing with the product's arithmetic but the rates. A task starts once those before it
are done, a worker has a slot, its run may have another task, and its pool or the account's quota
has room; on a worker, tasks share the cores. An instance scores one object of its job after the
other.
"""

import heapq
from dataclasses import dataclass, field

COPIES_AT_ONCE = 8


@dataclass
class Work:
    """A task: a start that needs nothing, then work that needs a core, or only time."""

    after: tuple = ()
    start: float = 0.0
    work: float = 0.0
    on_core: bool = False
    pool: bool = False
    instances: int = 0
    deferred: bool = False
    worker: int = -1
    left: float = field(default=-1.0)
    done: float = -1.0


def scored(objects, instances, speed):
    """Seconds until the last instance has scored its objects, each taken as one is free."""
    free = [0.0] * instances
    for records in objects:
        heapq.heapreplace(free, free[0] + records / speed)
    return max(free)


def tasks_of(night, rates):
    """The tasks of a run, by name."""
    begin, look = rates["task"].value, rates["look"].value
    tasks = {"plan": Work(start=begin)}
    before = ("plan",)
    if night.source == "unload":
        seconds = rates["unload"].seconds(night.rows, night.record_bytes)
        tasks["unload"] = Work(after=before, start=begin, work=seconds)
        before = ("unload",)
    reader = rates["query" if night.source == "query" else "parquet"]
    slices = [f"extract-{number}" for number in range(night.slices)]
    for name in slices:
        seconds = reader.seconds(night.rows / night.slices, night.record_bytes)
        tasks[name] = Work(after=before, start=begin, work=seconds, on_core=True, pool=True)
    before = tuple(slices)
    shards = night.shards_a_slice
    if night.slices > 1:
        copies = -(-shards * night.slices // COPIES_AT_ONCE) * rates["copy"].value
        tasks["join_slices"] = Work(after=before, start=begin, work=copies)
        before = ("join_slices",)
    ends = []
    for job in range(night.jobs):
        first, last = (each * night.slices // night.jobs for each in (job, job + 1))
        objects = [night.rows / night.slices / shards] * (shards * (last - first))
        looks = begin + look * len(objects)
        takes = rates["startup"].value + scored(objects, night.instances, night.model_speed)
        chain = {
            "build_manifest": Work(start=looks),
            "transform": Work(start=begin, work=takes, instances=night.instances, deferred=True),
            "wait": Work(start=looks),
            "recover": Work(start=looks),
        }
        previous = before
        for name, task in chain.items():
            task.after, previous = previous, (f"{name}-{job}",)
            tasks[f"{name}-{job}"] = task
        ends.append(f"recover-{job}")
    before, last = tuple(ends), "load"
    if night.groups > 1:
        proves = rates["prove"].seconds(night.rows / night.groups, night.record_bytes)
        for group in range(night.groups):
            task = Work(after=before, start=begin, work=proves, on_core=True)
            tasks[f"reconcile-{group}"] = task
        before, last = tuple(f"reconcile-{group}" for group in range(night.groups)), "publish"
    loads = rates[last].seconds(night.rows, night.record_bytes)
    tasks[last] = Work(after=before, start=begin, work=loads)
    tasks["report"] = Work(after=(last,), start=begin)
    return tasks


class Scheduler:
    """Starts what may start, and goes from one end of a task to the next."""

    def __init__(self, night, tasks):
        self.night, self.tasks, self.now = night, tasks, 0.0
        self.running = []
        self.most_at_once = 0

    def run(self):
        waiting = list(self.tasks.values())
        while waiting or self.running:
            for task in [each for each in waiting if self.may_start(each)]:
                if self.may_start(task):
                    waiting.remove(task)
                    self.begin(task)
            assert self.running, "nothing runs, and nothing may start"
            self.advance()
        return self.now

    def may_start(self, task):
        ready = all(self.tasks[name].done >= 0 for name in task.after)
        held = [each for each in self.running if not self.is_deferred(each)]
        slots = len(held) < self.night.workers * self.night.slots
        active = len(held) < self.night.active
        pooled = sum(each.pool for each in self.running)
        pool = not task.pool or self.night.pool is None or pooled < self.night.pool
        instances = sum(each.instances for each in self.running)
        return (
            ready and slots and active and pool and (instances + task.instances <= self.night.quota)
        )

    def begin(self, task):
        loads = [sum(each.worker == n for each in self.running) for n in range(self.night.workers)]
        task.worker, task.left = loads.index(min(loads)), task.start
        self.running.append(task)
        self.most_at_once = max(self.most_at_once, sum(each.pool for each in self.running))

    def is_deferred(self, task):
        return task.deferred and task.start <= 0

    def speed(self, task):
        if task.start > 0 or not task.on_core:
            return 1.0
        beside = sum(
            each.worker == task.worker and each.on_core and each.start <= 0 for each in self.running
        )
        return min(1.0, self.night.cores / beside)

    def advance(self):
        """Go to the next moment at which a task has started, or is done."""
        speeds = [self.speed(task) for task in self.running]
        step = min(task.left / speed for task, speed in zip(self.running, speeds, strict=True))
        self.now += step
        for task, speed in zip(list(self.running), speeds, strict=True):
            task.left -= step * speed
            if task.left > 1e-6:
                continue
            if task.start > 0:
                task.start, task.left = 0.0, task.work
            if task.left <= 1e-6:
                task.done = self.now
                self.running.remove(task)


def simulated(night, rates):
    """Seconds of a run, the end of each task by name, and the most slices that ran at once."""
    tasks = tasks_of(night, rates)
    scheduler = Scheduler(night, tasks)
    seconds = scheduler.run()
    return seconds, {name: task.done for name, task in tasks.items()}, scheduler.most_at_once
