"""Which Athena is asked."""

from __future__ import annotations

from batch_transform.scoring.pipeline.fields import Section, Text


class AthenaPlace(Section):
    """Which Athena is asked, and what of it.

    Attributes:
        catalog: the data catalog, ``AwsDataCatalog`` for Glue.
        database: in which the query's tables are that name none.
        workgroup: that runs the query, with its limits.
        kms_key: ARN of the key under which the rows are written; without it, as the workgroup or
            the bucket has it.
    """

    catalog: Text
    database: Text
    workgroup: Text = "primary"
    kms_key: Text | None = None
