"""What a run leaves in S3 as JSON, and reads again."""

from __future__ import annotations

from typing import Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from batch_transform.scoring.errors import ObjectDamaged

_Record = TypeVar("_Record", bound=BaseModel)


class Frozen(BaseModel):
    """A record that never changes, and takes no field that it does not know.

    https://docs.pydantic.dev/latest/api/config/
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def from_json(cls, body: bytes) -> Self:
        """Read what was left.

        Raises:
            ObjectDamaged: it is something else.
        """
        return parsed(cls, body)


def parsed(kind: type[_Record], body: bytes) -> _Record:
    """Read a record; raise ObjectDamaged where it is something else."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "all of it"
        raise damaged(kind.__name__, f"{where}: {first['msg']}") from None


def damaged(kind: str, problem: str) -> ObjectDamaged:
    """Say of an object of a run that it is not what was written, and what to do."""
    return ObjectDamaged(
        f"What the run has left as its {kind} is something else by now ({problem}): see what writes"
        " below the runs' prefix, then clear extract to write all of it anew"
    )
