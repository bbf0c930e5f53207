"""Where the project's parts lie."""

from pathlib import Path

PROJECT = Path(__file__).parents[1]
PIPELINES = PROJECT / "include" / "pipelines"


def readme_block(containing):
    """Return the Python block of the README that contains a text."""
    blocks = (PROJECT / "README.md").read_text().split("```python\n")[1:]
    (block,) = (each.partition("```")[0] for each in blocks if containing in each)
    return block
