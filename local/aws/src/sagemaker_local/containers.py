"""Which command serves which image."""

from __future__ import annotations

import re
import sys
import threading
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

Command = tuple[str, ...]

_REGISTRY = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/")


class ContainersFileError(ValueError):
    """The file, or a registration, does not have the documented form."""


class UnknownImageError(LookupError):
    """No command is known for the image."""


class Containers:
    """The images that can be started: those of a file, and those registered while serving.

    The file is read for each lookup, so an image added to it can be used at once.

    Args:
        source: a containers file; without one there are only registered images.

    Raises:
        ContainersFileError: the file cannot be read, or does not have the documented form.
    """

    def __init__(self, source: Path | None = None) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._registered: dict[str, Command] = {}
        self.commands()

    def commands(self) -> dict[str, Command]:
        """Every image with its command; a registered one hides that of the file.

        Raises:
            ContainersFileError: the file cannot be read, or does not have the documented form.
        """
        listed = {} if self._source is None else _read(self._source)
        with self._lock:
            return {**listed, **self._registered}

    def command(self, image: str) -> Command:
        """The command that serves an image.

        Raises:
            UnknownImageError: there is none; says where to add it.
            ContainersFileError: the file cannot be read, or does not have the documented form.
        """
        commands = self.commands()
        for name in (image, _REGISTRY.sub("", image, count=1)):
            if name in commands:
                return commands[name]
        where = (
            "start the service with --containers FILE"
            if self._source is None
            else f"add it under `images:` in {self._source}"
        )
        raise UnknownImageError(
            f"there is no command for image {image}; {where}, or PUT it to /_local/containers; "
            f"the images are: {', '.join(sorted(commands)) or 'none yet'}"
        )

    def register(self, images: Any) -> None:
        """Add images, until `unregister_all`.

        Args:
            images: image to command, a list of words.

        Raises:
            ContainersFileError: it is something else.
        """
        if not isinstance(images, dict):
            raise ContainersFileError("send an object of images and commands")
        commands = {
            str(image): _command("the registration", image, words)
            for image, words in images.items()
        }
        with self._lock:
            self._registered.update(commands)

    def unregister_all(self) -> None:
        """Leave only the images of the file."""
        with self._lock:
            self._registered.clear()


def _read(source: Path) -> dict[str, Command]:
    try:
        document = yaml.safe_load(source.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ContainersFileError(f"cannot read {source}: {error}") from error
    images = document.get("images") if isinstance(document, dict) else None
    if not isinstance(images, dict):
        raise ContainersFileError(f"{source} must be `images:` with an entry for each image")
    return {str(image): _listed(source, image, entry) for image, entry in images.items()}


def _listed(source: Path, image: Any, entry: Any) -> Command:
    words = entry.get("command") if isinstance(entry, dict) else None
    folder = str(source.absolute().parent)
    return tuple(word.replace("{folder}", folder) for word in _command(str(source), image, words))


def _command(source: str, image: Any, words: Any) -> Command:
    if not isinstance(words, list) or not words:
        raise ContainersFileError(f"{source}: {image} needs `command`, a list of words")
    return tuple(str(word).replace("{python}", sys.executable) for word in words)
