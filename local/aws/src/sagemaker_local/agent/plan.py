"""The work of one instance, as it is handed from the service to the agent."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class InputObject:
    """One object to transform and the key its output goes to."""

    bucket: str
    key: str
    output_key: str

    @property
    def label(self) -> str:
        """How the data-log names the object."""
        return f"{self.bucket}/{self.key}"


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """One container of the model: a command to start, or the URL of one that already listens."""

    name: str
    url: str | None = None
    port: int = 0
    command: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    model_data: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Processing:
    """The DataProcessing of a job."""

    input_filter: str = "$"
    output_filter: str = "$"
    join: bool = False
    inference_ids: bool = False
    inference_time: str = ""

    @property
    def reads_replies(self) -> bool:
        """Whether replies are parsed into records instead of passed through as bytes."""
        return self.join or self.output_filter != "$" or self.inference_ids

    @property
    def active(self) -> bool:
        """Whether any record is parsed at all."""
        return self.input_filter != "$" or self.reads_replies


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything one agent needs to know. Timeouts are in seconds."""

    job_name: str
    endpoint_url: str
    folder: str
    objects: tuple[InputObject, ...]
    containers: tuple[ContainerSpec, ...]
    output_bucket: str
    output_kms_key: str = ""
    content_type: str = ""
    accept: str = ""
    compression: str = "None"
    split_type: str = "None"
    assemble_with: str = "None"
    batch_strategy: str | None = None
    max_payload_in_mb: int | None = None
    max_concurrent: int | None = None
    timeout: int = 600
    retries: int = 3
    processing: Processing = field(default_factory=Processing)
    switches: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The plan as plain JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Plan:
        """The plan that `to_json` wrote."""
        fields = dict(document)
        fields["objects"] = tuple(InputObject(**each) for each in document["objects"])
        fields["containers"] = tuple(_container(each) for each in document["containers"])
        fields["processing"] = Processing(**document["processing"])
        return cls(**fields)


def _container(document: dict[str, Any]) -> ContainerSpec:
    fields = dict(document, command=tuple(document["command"]))
    if document["model_data"]:
        fields["model_data"] = tuple(document["model_data"])
    return ContainerSpec(**fields)
