"""A value that has no faithful text."""

from __future__ import annotations


class Unwritable(ValueError):
    """A value of a column cannot be written.

    Attributes:
        position: index of the value in its column.
        what: what kind of value it is and what to do; never the value itself.
    """

    def __init__(self, position: int, what: str) -> None:
        """Keep the facts."""
        self.position = position
        self.what = what
        super().__init__(what)


NAN = "NaN; replace it in the query, or set record.policies.nan"
INFINITY = "an infinity; replace it in the query, or set record.policies.infinity"
LINE_BREAK = (
    "text with a line break, on which SageMaker would split; replace it in the query, or set"
    " record.policies.line_break"
)
NUL = "text with a NUL character; remove it in the query, or set record.policies.nul"
SURROGATE = (
    "text with half of a surrogate pair, which is not Unicode; replace it in the query, or set"
    " record.policies.surrogate"
)
NAIVE = "a timestamp without a time zone; cast it in the query"
FAR = "a date outside of the years 1 to 9999; replace it in the query"
