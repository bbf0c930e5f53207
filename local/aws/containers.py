"""Which command serves which image."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DEFAULT_FILE = Path(__file__).with_name("containers.yaml")
_REGISTRY = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/")


class ContainersFileError(ValueError):
    """The file does not have the documented form."""


class UnknownImageError(LookupError):
    """The file has no such image."""


@dataclass(frozen=True, kw_only=True)
class Containers:
    """The images that can be started.

    Args:
        source: the file they come from.
        commands: image to command.
    """

    source: Path
    commands: dict[str, tuple[str, ...]]

    @classmethod
    def load(cls, source: Path = DEFAULT_FILE) -> Containers:
        """Read a containers file.

        Raises:
            ContainersFileError: it cannot be read, or does not have the documented form.
        """
        try:
            document = yaml.safe_load(source.read_text())
        except (OSError, yaml.YAMLError) as error:
            raise ContainersFileError(f"cannot read {source}: {error}") from error
        images = document.get("images") if isinstance(document, dict) else None
        if not isinstance(images, dict):
            raise ContainersFileError(f"{source} must be `images:` with an entry for each image")
        commands = {str(image): _command(source, image, entry) for image, entry in images.items()}
        return cls(source=source, commands=commands)

    def command(self, image: str) -> tuple[str, ...]:
        """The command that serves an image.

        Raises:
            UnknownImageError: there is none; says where to add it.
        """
        for name in (image, _REGISTRY.sub("", image, count=1)):
            if name in self.commands:
                return self.commands[name]
        raise UnknownImageError(
            f"there is no command for image {image}; add it under `images:` in {self.source}"
        )


def _command(source: Path, image: Any, entry: Any) -> tuple[str, ...]:
    command = entry.get("command") if isinstance(entry, dict) else None
    if not isinstance(command, list) or not command:
        raise ContainersFileError(f"{source}: {image} needs `command:`, a list of words")
    return tuple(str(word).replace("{python}", sys.executable) for word in command)
