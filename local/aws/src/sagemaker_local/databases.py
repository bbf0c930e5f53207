"""Services that are asked in SQL, each with a database of PostgreSQL behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sagemaker_local.athena.service import AthenaService
    from sagemaker_local.redshift.service import RedshiftService


@dataclass(frozen=True, kw_only=True)
class Databases:
    """All of them.

    Args:
        redshift: Redshift's Data API.
        athena: Athena.
    """

    redshift: RedshiftService
    athena: AthenaService

    def reset(self) -> None:
        """Stop and forget all that they were asked."""
        self.redshift.reset()
        self.athena.reset()
