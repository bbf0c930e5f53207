"""What a person asks of one run: other settings than the pipeline's, and what becomes of it.

What is asked for goes into the request by the settings of the run, and so into the job's digest:
a run with another instance type is another job, and the same question twice is one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from pydantic import ValidationError

from batch_transform.scoring.errors import RunRefused
from batch_transform.scoring.pipeline import Model, Pipeline, PipelineFile, Transform

_ARN = "arn:"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked of a run; None where the pipeline's setting is to be used.

    Attributes:
        model: name of another SageMaker model, or ARN of a model package version.
        instance_type: of the transform jobs.
        instance_count: of the transform jobs.
        max_concurrent_transforms: requests at once on each instance.
        sample: how many records to score, the first of the partition.
        publish: whether the partition is to be replaced; else it is compared with.
        publish_blocked: whether to publish whatever the checks say.
        dry_run: whether to say what would be done, and no more.
        force_rerun: whether only a job that this run has started will do.
        resubmit: whether to send the partition's quarantined records again, and those alone.
        cost_cap: USD that the run's transform jobs may cost.
    """

    model: str | None = None
    instance_type: str | None = None
    instance_count: int | None = None
    max_concurrent_transforms: int | None = None
    sample: int | None = None
    publish: bool = True
    publish_blocked: bool = False
    dry_run: bool = False
    force_rerun: bool = False
    resubmit: bool = False
    cost_cap: float | None = None

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Asked:
        """Read the parameters of a run; others than these are of no concern here."""
        names = [each.name for each in fields(cls)]
        return cls(**{name: params[name] for name in names if params.get(name) is not None})

    @property
    def changes(self) -> dict[str, Any]:
        """What is asked for otherwise than by default, by name."""
        values = {each.name: (getattr(self, each.name), each.default) for each in fields(self)}
        return {name: value for name, (value, default) in values.items() if value != default}

    def unpublished(self, settings: PipelineFile) -> str:
        """Say why the run publishes nothing; empty where it does.

        Args:
            settings: the pipeline's own.
        """
        if not self.publish:
            return "publish is off"
        if self.sample is not None:
            return f"it scores a sample of {self.sample} records"
        if _model(self, settings) != settings.model:
            return f"it scores with another model than the pipeline's, {self.model}"
        return ""

    def contradictions(self, settings: PipelineFile) -> Iterator[str]:
        """Say what of it cannot be had together."""
        reason = self.unpublished(settings)
        for name in ("publish_blocked", "resubmit"):
            if getattr(self, name) and reason:
                yield f"{name} changes the partition, and this run does not: {reason}"


def asked_for(pipeline: Pipeline, asked: Asked, prices: Mapping[str, float]) -> Pipeline:
    """Return the pipeline as a run wants it.

    Args:
        pipeline: the pipeline.
        asked: what is asked for.
        prices: USD for an instance hour, by instance type.

    Raises:
        RunRefused: what is asked for contradicts itself, or the pipeline's other settings, or is a
            limit that nothing can be held to.
    """
    settings = pipeline.settings
    try:
        changed = settings.model_copy(
            update={
                "model": _model(asked, settings),
                "transform": _transform(asked, settings.transform),
                "limits": settings.limits.model_copy(update=_set(cost=asked.cost_cap)),
            }
        )
    except ValidationError as error:
        problems = [_problem(each["loc"], each["msg"]) for each in error.errors()]
    else:
        changed = _with_shards_enough(changed)
        problems = list(asked.contradictions(settings))
        problems += [_problem(*each) for each in changed.broken()]
        problems += _unpriced(changed, prices)
    if problems:
        raise RunRefused(
            "What the run was asked for cannot be had; nothing was done: " + "; ".join(problems)
        )
    return pipeline.model_copy(update={"settings": _within_cost(changed, prices)})


def _model(asked: Asked, settings: PipelineFile) -> Model:
    if asked.model is None:
        return settings.model
    kept = settings.model.model_dump(exclude={"name", "package_group", "package_version"})
    named = "package_version" if asked.model.startswith(_ARN) else "name"
    return Model(**{named: asked.model, **kept})


def _transform(asked: Asked, transform: Transform) -> Transform:
    changes = _set(
        instance_type=asked.instance_type,
        instance_count=asked.instance_count,
        max_concurrent_transforms=asked.max_concurrent_transforms,
    )
    if asked.instance_type is not None:
        changes["instance_types"] = None
    return Transform(**{**transform.model_dump(), **changes}) if changes else transform


def _with_shards_enough(settings: PipelineFile) -> PipelineFile:
    """Give each instance a shard: who asks for more instances asks for them to have work."""
    least = max(settings.shards.min_count, settings.transform.instance_count)
    shards = settings.shards.model_copy(update={"min_count": least})
    return settings.model_copy(update={"shards": shards})


def _unpriced(settings: PipelineFile, prices: Mapping[str, float]) -> list[str]:
    kind, cost = settings.transform.kinds[0], settings.limits.cost
    if cost is None or kind in prices:
        return []
    return [
        f"the jobs may cost {cost:g} USD, and nobody knows what {kind} costs: add its price to"
        " BATCH_TRANSFORM_PRICES, or take the limit away (cost_cap, limits.cost)"
    ]


def _within_cost(settings: PipelineFile, prices: Mapping[str, float]) -> PipelineFile:
    """Lower the instance hours of the run to those that its cost allows."""
    limits, price = settings.limits, prices.get(settings.transform.kinds[0])
    if limits.cost is None or not price:
        return settings
    hours = min(limits.instance_hours or math.inf, limits.cost / price)
    changed = limits.model_copy(update={"instance_hours": hours})
    return settings.model_copy(update={"limits": changed})


def _set(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _problem(place: tuple[str | int, ...], what: str) -> str:
    return f"{'.'.join(map(str, place))} {what}".strip()
