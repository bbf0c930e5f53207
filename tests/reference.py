"""Writes what the docs say of each setting from the model: ``make reference``.

A row of ``docs/pipeline.md`` whose first cell is the path of a setting has the model's meaning and
default in its other cells. Which rows stand in which table is the page's own.
"""

import json
import re

from batch_transform.scoring.pipeline.schema import schema
from batch_transform.scoring.pipeline.settings import settings
from tests.project import PROJECT

PAGE = PROJECT / "docs" / "pipeline.md"
SCHEMA = PROJECT / "docs" / "pipeline.schema.json"
_ROW = re.compile(r"^\| `([a-z_.<>]+)` \|.*\|$", re.MULTILINE)


def with_the_models_words(page):
    """Return the page with each setting's row as the model has it."""
    known = {each.path: each for each in settings()}

    def row(match):
        setting = known.get(match[1])
        return match[0] if setting is None else _row(setting, cells=match[0].count(" |"))

    return _ROW.sub(row, page)


def undocumented(page):
    """List the settings that neither have a row, nor are of a section or parts that have one."""
    rows = {match[1] for match in _ROW.finditer(page)}
    paths = [each.path for each in settings()]
    return [
        path
        for path in paths
        if not any(path == row or path.startswith(f"{row}.") for row in rows)
        and not any(other.startswith(f"{path}.") for other in paths)
    ]


def schema_text():
    """Return the content of the published schema."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _row(setting, cells):
    meaning = setting.meaning.rstrip(".").replace("|", "\\|")
    default = f" {setting.default} |".replace("  ", " ") if cells > 2 else ""
    return f"| `{setting.path}` | {meaning} |{default}"


if __name__ == "__main__":
    PAGE.write_text(with_the_models_words(PAGE.read_text()))
    SCHEMA.write_text(schema_text())
