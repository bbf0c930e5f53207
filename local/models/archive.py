"""Packs a model directory the way SageMaker expects it: `model.tar.gz`, same input, same bytes."""

import gzip
import io
import tarfile
from pathlib import Path


def pack(model_dir: Path) -> bytes:
    """The directory's files as a gzipped tar, sorted, with no owner and no time in it.

    Python's own leftovers (`__pycache__`) stay out.
    """
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for path in _files(model_dir):
            content = path.read_bytes()
            entry = tarfile.TarInfo(path.relative_to(model_dir).as_posix())
            entry.size = len(content)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _files(model_dir: Path) -> list[Path]:
    return sorted(
        path
        for path in model_dir.rglob("*")
        if path.is_file() and "__pycache__" not in path.relative_to(model_dir).parts
    )
