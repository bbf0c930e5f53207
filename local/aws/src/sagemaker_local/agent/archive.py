"""Unpacking `model.tar.gz` for a container."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

from sagemaker_local.agent.errors import CLIENT, JobError

if TYPE_CHECKING:
    from pathlib import Path


def unpack(archive: Path, to: Path) -> None:
    """Unpack a model archive; nothing in it may leave the folder.

    Raises:
        JobError: it is not a tar archive, or a member points outside.
    """
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(to, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise JobError(f"{CLIENT}: Failed to extract model data archive: {error}") from error
