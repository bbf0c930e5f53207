"""What a job was sent, and what it left of each span: an answer, or blame for having none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from batch_transform.scoring.extract.index import ExtractIndex
from batch_transform.scoring.jobs.blame import Blame
from batch_transform.scoring.outputs.coverage import Part
from batch_transform.scoring.recovery.spans import Span


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What a job was sent.

    Attributes:
        index: the objects, in the form of an extract's index.
        spans: which records each holds, in the same order.
        shards: names of the extract's shards.
        controls: those of the spans whose answers are not needed.
    """

    index: ExtractIndex
    spans: tuple[Span, ...]
    shards: tuple[str, ...]
    controls: tuple[Span, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of it.

    Attributes:
        parts: answered spans, but for controls.
        blamed: spans, or single records of an answered span, without a usable answer.
    """

    parts: Mapping[Span, Part]
    blamed: Mapping[Span, Blame]
