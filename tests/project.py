"""Where the project's parts lie."""

from pathlib import Path

PROJECT = Path(__file__).parents[1]
PIPELINES = PROJECT / "include" / "pipelines"
