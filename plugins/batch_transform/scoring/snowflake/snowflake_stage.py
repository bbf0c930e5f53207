"""An external stage: the place in S3 that Snowflake reads and writes by a storage integration.

https://docs.snowflake.com/en/sql-reference/sql/create-stage
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from batch_transform.scoring.errors import ConfigurationError
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.queries import literal
from batch_transform.scoring.snowflake.snowflake_session import Session

_PROPERTY, _VALUE = 1, 3  # places in a row of DESC STAGE
_IN_LIST = re.compile(r"\A\[.*\]\Z", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class ExternalStage:
    """A stage.

    Attributes:
        name: as in pipeline.yaml, which is as Snowflake's statements take it.
        url: the prefix in S3 that it is of.
    """

    name: str
    url: str

    @classmethod
    def found(cls, session: Session, name: str) -> ExternalStage:
        """Ask Snowflake where a stage lies.

        Raises:
            ConfigurationError: it lies in no S3.
            StatementRefused: there is no such stage, or the role may not use it.
        """
        rows = session.run(f"DESC STAGE {name}")
        url = next((str(row[_VALUE]) for row in rows if row[_PROPERTY] == "URL"), "")
        if _IN_LIST.match(url):
            url = json.loads(url)[0]
        if not url.startswith("s3://"):
            raise ConfigurationError(
                f"Stage {name} lies in {url or 'Snowflake itself'}; name an external stage in S3"
            )
        return cls(name=name, url=url.rstrip("/") + "/")

    def path(self, uri: S3Uri) -> str:
        """Return where below the stage an object or a prefix lies.

        Raises:
            ConfigurationError: it does not lie below it.
        """
        if not str(uri).startswith(self.url):
            raise ConfigurationError(
                f"Stage {self.name} is of {self.url}, and this run's objects lie in {uri}; name a"
                " stage of the prefix in BATCH_TRANSFORM_S3_URI"
            )
        return str(uri).removeprefix(self.url)

    def location(self, uri: S3Uri) -> str:
        """Return a prefix as a COPY names it."""
        return literal(f"@{self.name}/{self.path(uri)}/")

    def uri(self, told: str, within: S3Uri) -> str:
        """Return the URI of a file that COPY tells of, by its name below the stage or the prefix.

        https://docs.snowflake.com/en/sql-reference/sql/copy-into-location#output
        """
        path = self.path(within) + "/"
        below = told.removeprefix(self.url)
        return f"{self.url}{below}" if below.startswith(path) else f"{within}/{below}"
