"""What a run leaves in S3 as JSON, and reads again."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A record that never changes, and takes no field that it does not know.

    https://docs.pydantic.dev/latest/api/config/
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
