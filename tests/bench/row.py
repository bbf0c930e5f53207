"""One row of a benchmark: ours beside a peer and a floor, measured in one run on one machine."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """A comparison.

    Attributes:
        name: `extract-…`, `load-…` or `transform-…`.
        ours: what was measured of ours, in `unit`.
        peer: the same of what people use today; None where there is no peer.
        floor: the same of the least work that could do the job; None where there is none.
        unit: such as `rows/s`, `s` or `MB`.
        ratio: the figure that the target is about.
        target: the bound in words, such as `>= 8 x peer`.
        holds: whether the ratio meets the target.
    """

    name: str
    ours: float
    peer: float | None = None
    floor: float | None = None
    unit: str
    ratio: float
    target: str
    holds: bool

    def as_json(self) -> dict[str, object]:
        return asdict(self)
