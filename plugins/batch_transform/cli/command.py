"""A command as a function of a frozen record, whose fields are its arguments and options."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar, get_type_hints

from batch_transform.cli.options import AsJson
from batch_transform.cli.result import Outcome, finish


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What every command may be given.

    Attributes:
        as_json: whether to print JSON.
    """

    as_json: AsJson = False


_Flags = TypeVar("_Flags", bound=Flags)


def command(work: Callable[[_Flags], Outcome]) -> Callable[..., None]:
    """Return what Typer takes for a command: the work, with a parameter for each field."""
    kind: type[_Flags] = get_type_hints(work)["flags"]
    hints = get_type_hints(kind, include_extras=True)

    def run(**values: Any) -> None:
        finish(lambda: work(kind(**values)), as_json=values["as_json"])

    run.__name__, run.__doc__ = work.__name__, work.__doc__
    run.__annotations__ = hints
    last = sorted(fields(kind), key=lambda each: each.name == "as_json")
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what inspect reads
        [
            inspect.Parameter(
                each.name,
                inspect.Parameter.KEYWORD_ONLY,
                annotation=hints[each.name],
                default=inspect.Parameter.empty if each.default is MISSING else each.default,
            )
            for each in last
        ]
    )
    return run
