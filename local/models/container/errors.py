"""Why the container program cannot start.

A request is refused with an exception of `werkzeug.exceptions`, whose description is the reply.

ContainerError
├── SettingsError        the environment or the command line makes no sense
└── ModelUnusableError   the archive has no working code/inference.py
"""


class ContainerError(Exception):
    """The container program cannot start."""


class SettingsError(ContainerError):
    """The environment or the command line makes no sense."""


class ModelUnusableError(ContainerError):
    """The archive has no working code/inference.py."""
