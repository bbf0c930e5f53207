"""Injected faults: what goes wrong with the next calls and jobs, because a test says so.

A rule is `{"fault": name, "times": n, ...}`. Faults of calls take `operation`; faults of jobs take
effect on the next jobs that are created, or with `job` only on the one of that name.
"""

from __future__ import annotations

import threading
from typing import Any

from sagemaker_local.transform.errors import ApiError, InternalFailure, ThrottlingException

OPERATIONS = (
    "CreateTransformJob",
    "DescribeTransformJob",
    "ListTransformJobs",
    "StopTransformJob",
)
CALL_FAULTS = {"throttle": "Rate exceeded", "internal-failure": "Internal failure"}
JOB_FAULTS = {
    "capacity-error": "the job fails with CapacityError before it starts",
    "internal-server-error": "the job fails with InternalServerError after it started",
    "frozen": "the job stays InProgress until it is released or stopped",
    "no-output": "the job completes and writes nothing",
    "slow-container": "every request takes `seconds` longer",
    "dying-container": "the container is killed after `after` requests",
    "no-ping": "the container never answers /ping",
}


class BadRuleError(ValueError):
    """The rule is not one of those."""


class Faults:
    """The rules that are left."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[dict[str, Any]] = []

    def add(self, rule: Any) -> None:
        """Add a rule.

        Raises:
            BadRuleError: the rule is not one of those.
        """
        _check(rule)
        with self._lock:
            self._rules.append({"times": 1, **rule})

    def all(self) -> list[dict[str, Any]]:
        """The rules that are left."""
        with self._lock:
            return [dict(rule) for rule in self._rules]

    def reset(self) -> None:
        """Forget all rules."""
        with self._lock:
            self._rules.clear()

    def before_call(self, operation: str) -> None:
        """Fail a call if a rule says so.

        Raises:
            ApiError: a rule applies.
        """
        rules = self._take(lambda rule: rule.get("operation") == operation, first=True)
        for rule in rules:
            raise _call_error(rule["fault"])

    def for_job(self, name: str) -> dict[str, Any]:
        """The faults of a job that is being created: name to rule."""
        rules = self._take(
            lambda rule: rule["fault"] in JOB_FAULTS and rule.get("job", name) == name
        )
        return {rule["fault"]: rule for rule in rules}

    def _take(self, applies: Any, *, first: bool = False) -> list[dict[str, Any]]:
        with self._lock:
            taken = [rule for rule in self._rules if applies(rule)]
            taken = taken[:1] if first else taken
            for rule in taken:
                rule["times"] -= 1
            self._rules = [rule for rule in self._rules if rule["times"] > 0]
            return [dict(rule) for rule in taken]


def _call_error(fault: str) -> ApiError:
    kind = ThrottlingException if fault == "throttle" else InternalFailure
    return kind(CALL_FAULTS[fault])


def _check(rule: Any) -> None:
    if not isinstance(rule, dict) or rule.get("fault") not in {**CALL_FAULTS, **JOB_FAULTS}:
        names = ", ".join([*CALL_FAULTS, *JOB_FAULTS])
        raise BadRuleError(f'a rule is {{"fault": one of {names}, …}}')
    if rule["fault"] in CALL_FAULTS and rule.get("operation") not in OPERATIONS:
        raise BadRuleError(f"{rule['fault']} needs `operation`, one of {', '.join(OPERATIONS)}")
    times = rule.get("times", 1)
    if isinstance(times, bool) or not isinstance(times, int) or times < 1:
        raise BadRuleError("`times` is a whole number of at least 1")
    for name, kinds in (("seconds", (int, float)), ("after", (int,)), ("job", (str,))):
        if name in rule and (isinstance(rule[name], bool) or not isinstance(rule[name], kinds)):
            raise BadRuleError(f"`{name}` of {rule['fault']} has the wrong type")
