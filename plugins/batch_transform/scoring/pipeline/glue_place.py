"""Which table of Glue leads to files in S3."""

from __future__ import annotations

from batch_transform.scoring.pipeline.fields import Section, Text


class GluePlace(Section):
    """The table of Glue by which Athena and Spark find a target in S3.

    Attributes:
        database: in Glue, which must be there.
        table: its name, made on first use.
    """

    database: Text
    table: Text
