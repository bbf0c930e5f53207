"""A drafted pipeline folder, checked and written."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from batch_transform.cli.result import Outcome
from batch_transform.scoring.drafts.folder import Draft
from batch_transform.scoring.errors import ConfigurationError
from batch_transform.scoring.pipeline.schema import schema
from batch_transform.scoring.pipelines import read_pipeline

SCHEMA_FILE = "pipeline.schema.json"


def write_draft(draft: Draft, name: str, root: Path) -> Outcome:
    """Write a folder that is a valid pipeline, and the JSON Schema beside it.

    Raises:
        PipelineInvalid: it would not be one; nothing is written.
        ConfigurationError: there is a folder of that name.
    """
    folder = root / name
    if folder.exists():
        raise ConfigurationError(f"{folder} exists, and is left as it is; choose another name")
    texts = draft.files(f"../{SCHEMA_FILE}")
    with tempfile.TemporaryDirectory() as scratch:
        read_pipeline(_written(Path(scratch) / name, texts))
    _written(folder, texts)
    made = json.dumps(schema(), indent=2, ensure_ascii=False)
    (root / SCHEMA_FILE).write_text(f"{made}\n", encoding="utf-8")
    paths = [str(folder / each) for each in texts]
    lines = [*(f"wrote {path}" for path in paths), *(f"note: {note}" for note in draft.notes)]
    lines.append(f"next: batch-transform check {root}")
    content = {"name": name, "written": paths, "notes": list(draft.notes)}
    return Outcome(text="\n".join(lines), content=content)


def _written(folder: Path, texts: Mapping[str, str]) -> Path:
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder
