"""How proven predictions come into the target."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from batch_transform.scoring.pipeline.fields import Integer, Section

_MOST = 100


class Loading(Section):
    """In how many tasks the outputs are proven before one publishes them.

    Attributes:
        groups: number of tasks that read and prove the outputs at once, each those of neighbouring
            shards; one more then publishes them. With 1 a single task does both, and compares the
            partition with what it replaces.
    """

    groups: Annotated[Integer, Field(ge=1, le=_MOST)] = 1
