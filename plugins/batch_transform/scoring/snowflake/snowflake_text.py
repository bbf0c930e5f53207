r"""Names and values as the text of Snowflake's statements.

Names of ``pipeline.yaml`` are quoted in upper case: as Snowflake itself folds names without quotes,
so ``SELECT flight_id FROM predictions.flight_delay`` finds what is made here. In a literal a
backslash escapes what follows it.
https://docs.snowflake.com/en/sql-reference/identifiers-syntax
https://docs.snowflake.com/en/sql-reference/data-types-text#escape-sequences-in-single-quoted-string-constants
"""

from __future__ import annotations

from batch_transform.scoring.queries import literal
from batch_transform.scoring.statement_text import StatementText


def _text(value: str) -> str:
    return literal(value.replace("\\", "\\\\"))


SNOWFLAKE = StatementText(literal=_text, moment="CAST('{}+00:00' AS timestamp_tz)", fold=str.upper)
quoted = SNOWFLAKE.quoted
identifier = SNOWFLAKE.identifier
listed = SNOWFLAKE.listed
spelt = SNOWFLAKE.spelt


def exactly(name: str) -> str:
    """Quote a name as it is, such as one that Snowflake has told."""
    return '"' + name.replace('"', '""') + '"'
