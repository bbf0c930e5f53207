"""A container that serves a small model."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.models.container.model import load_model
from local.models.container.settings import Settings
from tests.unit.models.container_client import Served, serving

# Doubles the last field of each record; some values make it misbehave.
INFERENCE = """
def model_fn(model_dir):
    return 2


def predict_fn(data, model):
    if ["break"] in data:
        raise KeyError("gone\\nwrong")
    if ["lose"] in data:
        return []
    return [model * number(line, record[-1]) for line, record in enumerate(data, start=1)]


def number(line, value):
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"line {line}: {value!r} is not a number") from None
"""


@pytest.fixture
def write_model_dir(tmp_path: Path) -> Callable[[str], Path]:
    """Lays out a model directory with the given code/inference.py."""

    def write(inference: str) -> Path:
        (tmp_path / "code").mkdir()
        (tmp_path / "code" / "inference.py").write_text(inference, encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture
def container(write_model_dir: Callable[[str], Path]) -> Iterator[Served]:
    """A container with the doubling model, loaded."""
    with serving(Settings(port=0, max_payload_mb=1, max_concurrent_transforms=3)) as served:
        served.container.model = load_model(write_model_dir(INFERENCE))
        yield served
