"""Values that cannot be written, or read, without loss."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hazard:
    """Why a value has no faithful text.

    Attributes:
        what: what kind of value it is and what to do; never the value itself.
        policy: the setting of ``record.policies`` that writes something else; empty where there is
            none.
    """

    what: str
    policy: str = ""

    def inside(self, container: str) -> Hazard:
        """Return the hazard of a value that contains this one."""
        return Hazard(f"{container} with {self.what}", self.policy)

    def words(self, *, of_id: bool) -> str:
        """Say what to do; no policy changes an id, since two ids could become one."""
        if not self.policy:
            return self.what
        setting = f"record.policies.{self.policy}"
        cure = f"; {setting} changes no id" if of_id else f", or set {setting}"
        return self.what + cure


class UnreadableValue(Hazard):
    """Takes the place of a value in a row, where Python has no such value."""

    def __repr__(self) -> str:
        return "(unreadable)"


class Unwritable(ValueError):
    """A value of a column cannot be written.

    Attributes:
        position: index of the value in its column.
        hazard: why.
    """

    def __init__(self, position: int, hazard: Hazard) -> None:
        """Keep the facts."""
        self.position = position
        self.hazard = hazard
        super().__init__(hazard.what)


NAN = Hazard("NaN; replace it in the query or in reshape.py", "nan")
INFINITY = Hazard("an infinity; replace it in the query or in reshape.py", "infinity")
LINE_BREAK = Hazard(
    "text with a line break, on which SageMaker would split; replace it in the query or in"
    " reshape.py",
    "line_break",
)
NUL = Hazard("text with a NUL character; remove it in the query or in reshape.py", "nul")
SURROGATE = Hazard(
    "text with half of a surrogate pair, or a byte of no UTF-8; replace it in the query or in"
    " reshape.py",
    "surrogate",
)
NAIVE = Hazard("a timestamp without a time zone; cast it in the query or in reshape.py")
NESTED_IN_CSV = Hazard("a list or an object, which CSV has no text for; take it apart in the query")
FAR = UnreadableValue(
    "a date outside of the years 1 to 9999; replace it in the query or in reshape.py"
)
FINE = UnreadableValue(
    "a timestamp finer than a microsecond; round it in the files or in reshape.py"
)
TOO_LONG = UnreadableValue("a number of more digits than any database keeps; correct the source")
