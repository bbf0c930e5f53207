"""Everything about the service that nobody knows, each with a default and what is known of it.

Set one with `--switch name=value`, or over HTTP with `PUT /_local/switches`. A job keeps the values
that held when it was created.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Switch:
    """One unknown.

    Args:
        default: what this stand-in does; its type is the type of every value.
        allowed: the values to choose from; empty when any value of the type will do.
        known: what is known about it.
    """

    name: str
    default: Any
    allowed: tuple[Any, ...] = ()
    known: str


class UnknownSwitchError(ValueError):
    """There is no such switch, or it cannot take the value."""


SWITCHES = (
    Switch(
        name="slice_end",
        default="exclusive",
        allowed=("exclusive", "inclusive"),
        known="AWS's page says $[1:4] is columns 2 to 5, but points to JavaScript's slice(), and "
        "published notebooks rely on $[:14] being 14 columns.",
    ),
    Switch(
        name="index_and_range",
        default="accept",
        allowed=("accept", "refuse"),
        known="The API reference shows $[0,5:]; a run-time message says that only single ranges "
        "are supported.",
    ),
    Switch(
        name="missing_name",
        default="fail",
        allowed=("fail", "null", "omit"),
        known="What a JSON name that a record lacks does is not documented.",
    ),
    Switch(
        name="bytes_per_mb",
        default=1048576,
        known="10^6 or 2^20 is not documented; servers' usual limits lie near 6 x 2^20.",
    ),
    Switch(
        name="payload_in_product",
        default="given",
        allowed=("given", "six-if-unset"),
        known="MaxConcurrentTransforms x MaxPayloadInMB must be at most 100; whether an unset "
        "MaxPayloadInMB counts as 6 is not documented.",
    ),
    Switch(
        name="blank_lines",
        default="send",
        allowed=("send", "skip"),
        known="Whether a blank line is a record is not documented.",
    ),
    Switch(
        name="line_ends_in_requests",
        default="keep",
        allowed=("keep", "strip"),
        known="Whether a request of SplitType Line ends with its newline is not documented.",
    ),
    Switch(
        name="line_after_reply",
        default="if-missing",
        allowed=("if-missing", "always"),
        known="AssembleWith Line adds a newline after each reply; whether one that already ends "
        "with a newline gets a second is not documented.",
    ),
    Switch(
        name="unsplittable",
        default="whole",
        allowed=("whole", "fail"),
        known="AWS's page says data that cannot be split is sent whole in one request; taken "
        "here to mean an object that does not begin like its SplitType.",
    ),
    Switch(
        name="json_html_escape",
        default=False,
        known="Error texts and key order point to Go, whose JSON spells <, > and & as \\u003c, "
        "\\u003e and \\u0026; never seen in output.",
    ),
    Switch(
        name="csv_quote_leading_blank",
        default=False,
        known="Go's CSV writer quotes a field that begins with a blank; never seen in output.",
    ),
    Switch(
        name="retried_statuses",
        default=("5xx",),
        known="Which statuses are retried is not documented; container logs show retried 500s "
        "and single 4xx.",
    ),
    Switch(
        name="retry_pause_seconds",
        default=0.05,
        known="The pause before a retry is not documented; it doubles with each.",
    ),
    Switch(
        name="default_timeout_seconds",
        default=600,
        known="The API reference says 600; CDK's says 60; a contributor measured 300.",
    ),
    Switch(
        name="default_retries",
        default=3,
        known="The API reference says 3; CDK's says 0; a contributor measured 0.",
    ),
    Switch(
        name="ping_timeout_seconds",
        default=1800.0,
        known="A job whose container never answered /ping was seen to fail after about 30 minutes.",
    ),
    Switch(
        name="ping_interval_seconds",
        default=0.25,
        known="Container logs show about one /ping a second; shorter here, to start sooner.",
    ),
    Switch(
        name="stop_grace_seconds",
        default=2.0,
        known="How long a container has between SIGTERM and SIGKILL is not documented.",
    ),
    Switch(
        name="container_log_limit_in_mb",
        default=256,
        known="A container that writes more fails its job here, so that it cannot fill the disk; "
        "the service documents no limit.",
    ),
    Switch(
        name="container_log_kept_lines",
        default=20000,
        known="Lines kept of each container's log; the service keeps all.",
    ),
    Switch(
        name="empty_manifest",
        default="refuse",
        allowed=("refuse", "complete"),
        known="A job with a manifest was seen to complete and write nothing; why is not known.",
    ),
    Switch(
        name="folder_markers",
        default="skip",
        allowed=("skip", "send"),
        known="Whether an empty object whose key ends with / is an input is not documented.",
    ),
    Switch(
        name="keep_outputs_of_stopped_job",
        default=True,
        known="AWS's page says a stopped job's results are not stored; whether objects finished "
        "before the stop are deleted is not documented.",
    ),
    Switch(
        name="names_on_csv",
        default="run-time",
        allowed=("run-time", "create-time"),
        known="A name in a filter of CSV data is an error; when it is reported is not documented.",
    ),
    Switch(
        name="instance_limit",
        default=100,
        known="The account's limit of instances per type for transform jobs; it differs between "
        "accounts. PUT /_local/limits sets one for a type.",
    ),
    Switch(
        name="provisioning_seconds",
        default=0.0,
        known="Seconds from creation to TransformStartTime; minutes on the service.",
    ),
)
"""All switches."""


class Switches:
    """The values in force."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._table = {switch.name: switch for switch in SWITCHES}
        self._values: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        with self._lock:
            return self._values.get(name, self._table[name].default)

    def all(self) -> dict[str, Any]:
        """Every switch's value."""
        with self._lock:
            return {name: self._values.get(name, s.default) for name, s in self._table.items()}

    def set(self, values: dict[str, Any]) -> None:
        """Change some, all or none.

        Raises:
            UnknownSwitchError: there is no such switch, or it cannot take the value.
        """
        checked = {name: self._checked(name, value) for name, value in values.items()}
        with self._lock:
            self._values.update(checked)

    def set_text(self, assignment: str) -> None:
        """Change one, given as `name=value`.

        Raises:
            UnknownSwitchError: there is no such switch, or it cannot take the value.
        """
        name, _, text = assignment.partition("=")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        self.set({name: value})

    def reset(self) -> None:
        """Back to the defaults."""
        with self._lock:
            self._values.clear()

    def _checked(self, name: str, value: Any) -> Any:
        switch = self._table.get(name)
        if switch is None:
            names = ", ".join(sorted(self._table))
            raise UnknownSwitchError(f"there is no switch {name!r}; there are {names}")
        if switch.allowed and value not in switch.allowed:
            raise UnknownSwitchError(f"{name} takes one of {list(switch.allowed)}, not {value!r}")
        if isinstance(switch.default, float) and type(value) is int:
            return float(value)
        if isinstance(switch.default, tuple) and isinstance(value, list):
            return tuple(value)
        if type(value) is not type(switch.default):
            kind = type(switch.default).__name__
            raise UnknownSwitchError(f"{name} takes a value of type {kind}, not {value!r}")
        return value
