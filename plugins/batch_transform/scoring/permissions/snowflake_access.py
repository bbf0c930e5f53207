"""What the role of Snowflake's storage integration needs of S3.

https://docs.snowflake.com/en/user-guide/data-load-s3-config-storage-integration
"""

from __future__ import annotations

from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.permissions.redshift_access import files_between
from batch_transform.scoring.permissions.statement import Account, Statement
from batch_transform.scoring.pipeline import PipelineFile, Query, SnowflakePlace


def role(account: Account, runs: S3Uri, settings: PipelineFile) -> list[Statement]:
    """Return the statements of the role by which Snowflake uses S3; none where it is not asked."""
    source = settings.source
    unloads = isinstance(source, Query) and isinstance(source.unload, SnowflakePlace)
    return files_between(account, runs) if unloads or settings.target.snowflake else []
