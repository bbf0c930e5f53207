"""Names and values as the text of Redshift's statements."""

from __future__ import annotations

from batch_transform.scoring.queries import literal
from batch_transform.scoring.statement_text import StatementText


def _text(value: str) -> str:
    # In a literal of Redshift a backslash may escape what follows it.
    return " || chr(92) || ".join(literal(piece) for piece in value.split("\\"))


REDSHIFT = StatementText(literal=_text, moment="CAST('{}+00' AS timestamptz)")
quoted = REDSHIFT.quoted
identifier = REDSHIFT.identifier
listed = REDSHIFT.listed
spelt = REDSHIFT.spelt
