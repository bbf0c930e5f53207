"""``batch-transform schema``: the JSON Schema of ``pipeline.yaml``, for editors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from batch_transform.cli.command import Flags
from batch_transform.cli.result import Outcome
from batch_transform.scoring.pipeline.schema import schema as json_schema


@dataclass(frozen=True, kw_only=True)
class SchemaFlags(Flags):
    """Where the schema goes.

    Attributes:
        out: a file; None for the standard output.
    """

    out: Annotated[Path | None, typer.Option("--out", help="Write it to this file.")] = None


def schema(flags: SchemaFlags) -> Outcome:
    """Print the JSON Schema of pipeline.yaml, by which editors complete and underline."""
    made = json_schema()
    text = json.dumps(made, indent=2, ensure_ascii=False)
    if flags.out is None:
        return Outcome(text=text, content=made)
    flags.out.write_text(f"{text}\n", encoding="utf-8")
    return Outcome(text=f"Wrote {flags.out}", content={"written": str(flags.out)})
