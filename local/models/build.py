"""Makes the archives of the demo's models; trains the flight model unless that was done before."""

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psycopg

from local.models.archive import pack
from local.models.flight_delay.train import TRAINING_END, TRAINING_START, train

_HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class ModelArchive:
    """A model ready to be registered.

    Attributes:
        name: the model's name in SageMaker.
        image: the container image that serves it, as `local/containers.yaml` lists it.
        content: the bytes of `model.tar.gz`.
    """

    name: str
    image: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Digest of the archive, in hex."""
        return hashlib.sha256(self.content).hexdigest()


def build_flight_delay(
    connection: psycopg.Connection, features_sql: str, cache_dir: Path
) -> ModelArchive:
    """The flight model, from `cache_dir` where the same one was trained before.

    Args:
        connection: to the warehouse, with the demo data loaded.
        features_sql: text of the pipeline's query.
        cache_dir: directory for trained archives; made where there is none.

    Raises:
        TrainingDataError: the warehouse or the query has nothing to learn from.
    """
    cached = cache_dir / f"flight-delay-{_training_digest(connection, features_sql)}.tar.gz"
    if not cached.is_file():
        with tempfile.TemporaryDirectory() as scratch:
            train(connection, features_sql, Path(scratch))
            _write_whole(cached, pack(Path(scratch)))
    return ModelArchive(
        name="flight-delay", image="local/scikit-learn:1", content=cached.read_bytes()
    )


def build_support_sentiment() -> ModelArchive:
    """The sentiment model: code alone, its lexicon comes with vaderSentiment."""
    with tempfile.TemporaryDirectory() as scratch:
        code = Path(scratch) / "code"
        code.mkdir()
        shutil.copyfile(_HERE / "support_sentiment" / "inference.py", code / "inference.py")
        content = pack(Path(scratch))
    return ModelArchive(name="support-sentiment", image="local/vader:1", content=content)


def _training_digest(connection: psycopg.Connection, features_sql: str) -> str:
    """Digest of all that decides what training gives."""
    row = connection.execute(
        "SELECT COUNT(*), SUM(arr_delay) FROM source.flights"
        " WHERE scheduled_departure >= %s AND scheduled_departure < %s",
        [TRAINING_START, TRAINING_END],
    ).fetchone()
    sources = sorted((_HERE / "flight_delay").glob("*.*"))
    code = [path.read_text(encoding="utf-8") for path in sources]
    parts = [repr(row), features_sql, version("scikit-learn"), *code]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _write_whole(path: Path, content: bytes) -> None:
    """Writes a file that no reader sees half written, however the process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.replace(path)
