"""A part of a report."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A record that never changes; what a later version adds to it is passed over."""

    model_config = ConfigDict(frozen=True)
