"""The effective MaxConcurrentTransforms, MaxPayloadInMB and BatchStrategy.

Each is resolved by itself: the request, else `/execution-parameters`, else the default
(https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sagemaker_local.agent.plan import Plan

_STRATEGIES = {
    "MULTI_RECORD": "MultiRecord",
    "SINGLE_RECORD": "SingleRecord",
    "MultiRecord": "MultiRecord",
    "SingleRecord": "SingleRecord",
}
_LOGGED = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}
_MOST_WORKERS = 100


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What a job runs with."""

    max_concurrent: int
    max_payload_in_mb: int
    strategy: str

    @classmethod
    def resolve(cls, plan: Plan, container: dict[str, Any]) -> Parameters:
        """The effective parameters, given the answer of `/execution-parameters`."""
        concurrent = plan.max_concurrent or _number(container, "MaxConcurrentTransforms") or 1
        payload = plan.max_payload_in_mb
        if payload is None:
            payload = _number(container, "MaxPayloadInMB")
        strategy = str(container.get("BatchStrategy"))
        if plan.switches["camel_case_strategy"] == "ignore" and not strategy.isupper():
            strategy = ""
        return cls(
            max_concurrent=concurrent,
            max_payload_in_mb=6 if payload is None else payload,
            strategy=plan.batch_strategy or _STRATEGIES.get(strategy, "MultiRecord"),
        )

    @property
    def workers(self) -> int:
        """How many requests may be in flight."""
        return min(self.max_concurrent, _MOST_WORKERS)

    @property
    def line(self) -> str:
        """What the data-log says first."""
        return (
            f"MaxConcurrentTransforms={self.max_concurrent}, "
            f"MaxPayloadInMB={self.max_payload_in_mb}, BatchStrategy={_LOGGED[self.strategy]}"
        )


def _number(document: dict[str, Any], name: str) -> int | None:
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value
