"""Values that cannot be written, or read, without loss."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class UnreadableValue:
    """Stands in a row for a value that a source cannot give as a value of Python, faithfully.

    Attributes:
        what: what kind of value it is and what to do; never the value itself.
    """

    what: str

    def __repr__(self) -> str:
        return "(unreadable)"


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


NAN = "NaN; replace it in the query or in reshape.py, or set record.policies.nan"
INFINITY = "an infinity; replace it in the query or in reshape.py, or set record.policies.infinity"
LINE_BREAK = (
    "text with a line break, on which SageMaker would split; replace it in the query or in"
    " reshape.py, or set record.policies.line_break"
)
NUL = (
    "text with a NUL character; remove it in the query or in reshape.py, or set record.policies.nul"
)
SURROGATE = (
    "text with half of a surrogate pair, or a byte of no UTF-8; replace it in the query or in"
    " reshape.py, or set record.policies.surrogate"
)
NAIVE = "a timestamp without a time zone; cast it in the query or in reshape.py"
FAR = "a date outside of the years 1 to 9999; replace it in the query or in reshape.py"
FINE = "a timestamp finer than a microsecond; round it in the files"
