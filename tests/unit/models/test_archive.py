import io
import os
import tarfile
from pathlib import Path

from local.models.archive import pack
from local.models.build import build_support_sentiment

FILES = {"model.joblib": b"\x00weights", "code/inference.py": b"x = 1\n", "code/more/a.txt": b""}


def write(directory: Path, names: list[str]) -> Path:
    for name in names:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(FILES[name])
    return directory


def test_same_files_same_bytes(tmp_path: Path) -> None:
    one = write(tmp_path / "one", list(FILES))
    other = write(tmp_path / "other", list(reversed(FILES)))
    os.utime(other / "model.joblib", (1, 1))
    (other / "model.joblib").chmod(0o600)
    write(other / "code" / "__pycache__", ["model.joblib"])

    assert pack(one) == pack(other)


def test_other_content_other_bytes(tmp_path: Path) -> None:
    directory = write(tmp_path, list(FILES))
    before = pack(directory)
    (directory / "model.joblib").write_bytes(b"\x01weights")

    assert pack(directory) != before


def test_an_archive_unpacks_to_the_files(tmp_path: Path) -> None:
    packed = pack(write(tmp_path / "in", list(FILES)))
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        archive.extractall(tmp_path / "out", filter="data")

    found = {
        path.relative_to(tmp_path / "out").as_posix(): path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert found == FILES


def test_nothing_in_an_archive_tells_when_or_where_it_was_made(tmp_path: Path) -> None:
    packed = pack(write(tmp_path, list(FILES)))
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        entries = archive.getmembers()

    assert [entry.name for entry in entries] == sorted(FILES)
    assert {(entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname) for entry in entries} == {
        (0, 0, 0, "", "")
    }
    assert packed[4:8] == bytes(4), "gzip's own time stamp"


def test_the_sentiment_archive_is_the_same_each_time() -> None:
    archive = build_support_sentiment()

    assert (archive.name, archive.image) == ("support-sentiment", "local/vader:1")
    assert archive.content == build_support_sentiment().content
