"""A draft of a pipeline that does what a job does which is started elsewhere.

The job says how records are sent, and nothing of where they come from and go: what it does not say
has a name in the draft that reads like one, and a note.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from batch_transform.scoring.drafts.folder import QUERY_FILE, Draft, When, table_query
from batch_transform.scoring.drafts.jobs import FoundJob
from batch_transform.scoring.drafts.translated import Translation, translated
from batch_transform.scoring.drafts.wanted import PARTITION_COLUMN
from batch_transform.scoring.kinds import Column

_TABLE = "my_schema.my_table"
_WHEN = When(column="created_at", is_instant=True)
_DEFAULTS = {
    "model": {"name": "my-model"},
    "transform": {"instance_type": "ml.m5.large", "strategy": "MultiRecord"},
}
_DAYS = ("{{ partition }}", "{{ day }}")


def of_job(name: str, job: FoundJob, about: Mapping[str, Any]) -> Draft:
    """Draft the pipeline of a job, with a note for each thing that a person must see to."""
    made = translated(job.request)
    guesses = list(_guesses(made))
    record_format = made.settings.get("record", {}).get("format", "csv")
    ids = ["id"] if made.hidden == 1 else [f"id_{n}" for n in range(1, made.hidden + 1)]
    columns = [*ids, "feature_1"]
    source, query = _source(made, columns, record_format)
    record = {**made.settings.get("record", {}), "format": record_format}
    settings = {
        **about,
        "source": source,
        "record": {**record, "id": ids, "features": columns[len(ids) :]},
        "shards": _shards(made),
        **{each: {**_DEFAULTS[each], **made.settings.get(each, {})} for each in _DEFAULTS},
        "predictions": {"prediction": {"at": -1 if record_format == "csv" else "$"}},
        "target": {
            "conn_id": "warehouse",
            "table": f"predictions.{name}",
            "partition_column": PARTITION_COLUMN,
        },
    }
    notes = [*made.notes, *guesses]
    return Draft(
        settings=settings,
        columns=[Column(name=each) for each in columns],
        query=query,
        notes=tuple(dict.fromkeys(notes)),
    )


def _source(
    made: Translation, columns: Sequence[str], record_format: str
) -> tuple[dict[str, Any], str]:
    """Return the section ``source``, and the query where it is one."""
    place = made.settings.pop("source", {}).get("files")
    if place is None:
        ids = columns[: made.hidden]
        return {"conn_id": "warehouse", "sql": QUERY_FILE}, table_query(_TABLE, columns, ids, _WHEN)
    is_csv = record_format == "csv"
    bare = {"header": False, "columns": list(columns)} if is_csv else {}
    files = _pattern(place, made.notes)
    return {"conn_id": "aws_default", "files": files, "format": record_format, **bare}, ""


def _pattern(place: str, notes: list[str]) -> str:
    """Turn the prefix that a job read into a pattern that says which day."""
    folder, name = posixpath.split(place)
    extension = posixpath.splitext(name)[1]
    folder = folder if extension else place.rstrip("/")
    if any(day in place for day in _DAYS):
        return place if extension else f"{folder}/*"
    notes.append(f"the job read {place} every time; source.files now asks for a folder of the day")
    return f"{folder}/{{{{ partition }}}}/*{extension}"


def _shards(made: Translation) -> dict[str, int]:
    """Give each instance a shard."""
    count = made.settings.get("transform", {}).get("instance_count", 1)
    return {"min_count": count} if isinstance(count, int) and count > 1 else {}


def _guesses(made: Translation) -> Iterator[str]:
    if "files" not in made.settings.get("source", {}):
        yield f"a job does not say which table it scores: correct {QUERY_FILE}"
    for section, defaults in _DEFAULTS.items():
        for name, value in defaults.items():
            if name not in made.settings.get(section, {}):
                yield f"{section}.{name} was not found, and is {value}: correct it"
    yield "a job does not say its columns: correct record.id, record.features and predictions"
    yield "a job writes to no table: correct target"
