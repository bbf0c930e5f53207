"""What a person may ask of a run: the fields of the trigger form, and of REST and the CLI.

https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/params.html
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from airflow.sdk import Param
from airflow.sdk.exceptions import ParamValidationError

from batch_transform.scoring.pipeline.job import AWS_NAME, INSTANCE_TYPE, PACKAGE_VERSION

PARTITION = "partition"
# Of a DAG of one's own, which may have a parameter "model" of its own, only these can be meant.
_UNMISTAKABLE = (PARTITION, "force_rerun", "resubmit", "publish_blocked")


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """What a parameter may be, for the form and for whoever gives it otherwise.

    Attributes:
        schema: JSON Schema.
        words: what to give, after "give".
        default: where it is not given.
    """

    schema: Mapping[str, Any]
    words: str
    default: Any = None


def _optional(kind: str, words: str, **schema: Any) -> _Kind:
    return _Kind(schema={"type": ["null", kind], **schema}, words=words)


_OFF = _Kind(schema={"type": "boolean"}, words="true or false", default=False)
_ON = _Kind(schema={"type": "boolean"}, words="true or false", default=True)
_DAY = _optional(
    "string",
    "the day to score as YYYY-MM-DD, such as 2013-06-01",
    format="date",
    pattern=r"^\d{4}-\d{2}-\d{2}$",
)
_MODEL = _optional(
    "string",
    "the name of a SageMaker model, or the ARN of a model package version"
    " (arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/3)",
    pattern=f"^({AWS_NAME}|{PACKAGE_VERSION})$",
)
_INSTANCE_TYPE = _optional(
    "string", "an instance type, such as ml.m5.large", pattern=f"^{INSTANCE_TYPE}$"
)
_FEW = _optional("integer", "a whole number from 1 to 100", minimum=1, maximum=100)
_MANY = _optional(
    "integer", "a whole number from 1 to 1000000000", minimum=1, maximum=1_000_000_000
)
_USD = _optional("number", "an amount of USD above 0, such as 1.5", exclusiveMinimum=0)

# name: kind, title, description, in the order of the form
_PARAMETERS: Mapping[str, tuple[_Kind, str, str]] = {
    PARTITION: (
        _DAY,
        "Partition",
        "The day to score. Empty: the run's own date; where that day is not over, the last whole"
        " day. Leave it empty in a backfill, whose runs have their own dates; and tick *Override"
        " parameters on existing runs* there, or Airflow passes on nothing of what is below.",
    ),
    "dry_run": (
        _OFF,
        "Plan only",
        "Says in the task `plan` what the run would do, what it would replace, how long that would"
        " take and what it would cost, and ends there: no job is started, nothing is loaded.",
    ),
    "publish": (
        _ON,
        "Publish",
        "Replaces the partition. Off: the records are scored, checked, and compared with the"
        " partition as it is, which stays.",
    ),
    "model": (
        _MODEL,
        "Model",
        "Another model for this run: its name, or the ARN of a model package version, for which"
        " pipeline.yaml has a model.role. Its predictions are compared with the partition, and not"
        " published. Empty: the pipeline's.",
    ),
    "sample": (
        _MANY,
        "Sample",
        "Scores the first so many records alone, and compares them with the partition; nothing is"
        " published.",
    ),
    "instance_type": (
        _INSTANCE_TYPE,
        "Instance type",
        "Such as ml.m5.xlarge. Empty: as in pipeline.yaml.",
    ),
    "instance_count": (
        _FEW,
        "Instances",
        "Empty: as in pipeline.yaml. A partition is cut into as many shards at least.",
    ),
    "max_concurrent_transforms": (
        _FEW,
        "Requests at once",
        "On each instance; times transform.max_payload_mb at most 100. Empty: as in pipeline.yaml.",
    ),
    "cost_cap": (
        _USD,
        "Cost cap",
        "USD that the run's transform jobs may cost. A run that is expected to cost more fails"
        " before it starts one, or asks, as limits.over_cost says; no further job is started once"
        " so much is used. Empty: limits.cost of pipeline.yaml.",
    ),
    "force_rerun": (
        _OFF,
        "Force a new job",
        "Start, and pay for, another transform job even where one with the same content, model and"
        " settings is running or has completed.",
    ),
    "resubmit": (
        _OFF,
        "Send quarantined records again",
        "Takes the records that the partition keeps in quarantine, and those alone, through the"
        " pipeline again, and adds their rows to the partition. For when the model is mended.",
    ),
    "publish_blocked": (
        _OFF,
        "Publish whatever the checks say",
        "Publishes a partition that a check has blocked, or whose data in force are of a later"
        " extract or another pipeline. Its outputs are read again; no new transform job is started"
        " for the same data.",
    ),
}


def run_params() -> dict[str, Param]:
    """Return the parameters of a run; each DAG has its own, since a Param keeps state."""
    return {
        name: Param(kind.default, title=title, description_md=description, **kind.schema)
        for name, (kind, title, description) in _PARAMETERS.items()
    }


def problems(conf: Mapping[str, Any], others: Collection[str] | None = ()) -> list[str]:
    """Say what is wrong with the configuration of a run, as it was given.

    Airflow takes a key that no parameter has, such as ``Partition``, and says nothing.

    Args:
        conf: of the run.
        others: further parameters of the DAG; None where it may have any, as a DAG of one's own
            may: then a key is wrong only if one of ours is meant.
    """
    known = _UNMISTAKABLE if others is None else tuple(_PARAMETERS)
    found = (_wrong(name, value, known, others) for name, value in conf.items())
    return [problem for problem in found if problem]


def _wrong(name: str, value: Any, known: Sequence[str], others: Collection[str] | None) -> str:
    if name in known:
        kind = _PARAMETERS[name][0]
        return "" if _fits(value, kind) else f"{name} is {value!r}; give {kind.words}"
    if others is not None and name in others:
        return ""
    cutoff = 0.85 if others is None else 0.7
    meant = get_close_matches(name.lower().replace("-", "_"), known, n=1, cutoff=cutoff)
    if meant:
        return f"{name!r} is no parameter of a run; did you mean {meant[0]}?"
    if others is None:
        return ""
    there_are = ", ".join(dict.fromkeys([*known, *others]))
    return f"{name!r} is no parameter of a run; there are {there_are}"


def _fits(value: Any, kind: _Kind) -> bool:
    try:
        Param(kind.default, **kind.schema).resolve(value)
    except ParamValidationError:
        return False
    return True
