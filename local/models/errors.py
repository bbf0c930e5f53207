"""What can go wrong while the demo's models are made.

DemoModelError
└── TrainingDataError   the warehouse has no flights to learn from, or the query gives no features

The container program has a tree of its own, in `local.models.container.errors`.
"""


class DemoModelError(Exception):
    """A demo model could not be made."""


class TrainingDataError(DemoModelError):
    """The warehouse has no flights to learn from, or the query gives no features."""
