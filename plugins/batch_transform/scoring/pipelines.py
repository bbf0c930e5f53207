"""Reads pipeline folders, and reports every problem of one at once, with file and line.

Whatever is in a folder, it becomes a pipeline or a ``PipelineInvalid``, and the others are read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from operator import itemgetter
from os.path import lexists
from pathlib import Path

from batch_transform.scoring.errors import ConfigurationError, PipelineInvalid, SourceError
from batch_transform.scoring.jobs.request_checks import setting_problems
from batch_transform.scoring.kinds import Column
from batch_transform.scoring.pipeline import Files, Pipeline, PipelineFile, Query, contract, query
from batch_transform.scoring.pipeline.document import MOST_CHARACTERS, Document
from batch_transform.scoring.pipeline.fields import Place
from batch_transform.scoring.pipeline.mistakes import Checked
from batch_transform.scoring.sources import reshape
from batch_transform.scoring.sources.slices import slices

FILE_NAME = "pipeline.yaml"
RESHAPE_FILE = "reshape.py"

_FOLDER_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_RESERVED = "batch_transform"  # begins the names of the package's own DAGs
_MOST_PROBLEMS = 50


def pipeline_folders(root: Path) -> list[Path]:
    """List the pipeline folders below ``root``, by name; a link that leads nowhere is among them.

    Raises:
        ConfigurationError: there is no such folder.
    """
    try:
        entries = sorted(root.iterdir())
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{root} is not a folder that can be listed; set BATCH_TRANSFORM_PIPELINES to the"
            f" folder of the pipelines ({error})"
        ) from error
    return [path for path in entries if path.name[0] not in "._" and not path.is_file()]


def read_all(root: Path) -> list[Pipeline | PipelineInvalid]:
    """Read every pipeline folder, by name; an invalid one does not stop the others.

    Raises:
        ConfigurationError: there is no such folder.
    """
    read: dict[str, Pipeline | PipelineInvalid] = {}
    users: dict[tuple[str, str], list[_Folder]] = defaultdict(list)
    for folder in map(_Folder, pipeline_folders(root)):
        try:
            pipeline = folder.read()
        except PipelineInvalid as error:
            read[folder.path.name] = error
        else:
            read[folder.path.name] = pipeline
            users[_place_of_rows(pipeline)].append(folder)
    for sharers in users.values():
        read.update((each.path.name, each.refusal(sharers)) for each in sharers if sharers[1:])
    return list(read.values())


def read_pipeline(folder: Path) -> Pipeline:
    """Read one pipeline folder.

    Raises:
        PipelineInvalid: with all problems, each with file, line and what is allowed.
    """
    return _Folder(folder).read()


def read_folder(folder: Path) -> Pipeline | PipelineInvalid:
    """Read one pipeline folder, or say what is wrong with it."""
    try:
        return read_pipeline(folder)
    except PipelineInvalid as error:
        return error


def _place_of_rows(pipeline: Pipeline) -> tuple[str, str]:
    target = pipeline.settings.target
    return target.conn_id, target.table.removeprefix("public.")


class _Folder:
    """A pipeline folder, and all that is wrong with it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._problems = list(_name_problems(path.name))
        self._file = Document("")

    def read(self) -> Pipeline:
        """Return the pipeline.

        Raises:
            PipelineInvalid: there are problems.
        """
        try:
            pipeline = self._pipeline()
        except Exception as error:  # a mistake of ours may not cost the other pipelines their DAGs
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            self._problems.append(f"{FILE_NAME}:1: the file: cannot be read: {reason}")
            pipeline = None
        if pipeline is None:
            raise PipelineInvalid(self.path.name, self._most_problems())
        return pipeline

    def _most_problems(self) -> list[str]:
        surplus = len(self._problems) - _MOST_PROBLEMS
        and_more = [f"{FILE_NAME}:1: the file: {surplus} problems more"] if surplus > 0 else []
        return [_printable(each) for each in self._problems[:_MOST_PROBLEMS] + and_more]

    def refusal(self, sharers: Iterable[_Folder]) -> PipelineInvalid:
        """Refuse the target that others have as well: each load would delete the others' rows."""
        others = ", ".join(each.path.name for each in sharers if each is not self)
        what = f"is the target of {others}, too; each pipeline needs a table of its own"
        self._add(FILE_NAME, self._file, [(("target", "table"), what)])
        return PipelineInvalid(self.path.name, self._problems)

    def _pipeline(self) -> Pipeline | None:
        """Read all there is; None where there are problems."""
        self._file, written = self._document(FILE_NAME)
        checked = Checked(self._file.content)
        unread = {place for place, _ in self._file.problems}
        mistakes = (each for each in checked.problems if each[0] not in unread)
        self._add(FILE_NAME, self._file, mistakes if written else ())
        settings = checked.settings
        sections = checked.sections - {place[0] for place in unread if place}
        has_reshape = self._has_reshape()
        columns = self._columns(settings) if "record" in sections else None
        if {"transform", "record", "model"} <= sections:
            self._add(FILE_NAME, self._file, setting_problems(settings))
        if columns and not has_reshape and "extract" in sections:
            self._add(FILE_NAME, self._file, _slice_problems(settings, columns[0]))
        text = self._query(settings.source, has_reshape) if "source" in sections else ""
        if self._problems:
            return None
        return Pipeline(
            name=self.path.name,
            folder=self.path,
            settings=settings,
            query=text,
            contract=columns,
            reshape=self.path / RESHAPE_FILE if has_reshape else None,
        )

    def _has_reshape(self) -> bool:
        if not lexists(self.path / RESHAPE_FILE):
            return False
        if self._text(RESHAPE_FILE):
            problems = reshape.problems(self.path / RESHAPE_FILE)
            self._problems += (f"{RESHAPE_FILE}: {problem}" for problem in problems)
        return True

    def _columns(self, settings: PipelineFile) -> tuple[Column, ...] | None:
        if not lexists(self.path / contract.FILE_NAME):
            return None
        document, text = self._document(contract.FILE_NAME)
        if document.problems or not text:
            return None
        try:
            return contract.parse(document.content, settings.record)
        except ValueError as error:
            for line in str(error).splitlines():
                name, _, what = line.partition(": ")
                is_column = name in (document.content or ())
                problem = ((name,), what) if is_column else ((), line)
                self._add(contract.FILE_NAME, document, [problem])
            return None

    def _query(self, source: Query | Files, has_reshape: bool) -> str:
        """Return the query, or what selects the files, and check it."""
        if isinstance(source, Files):
            if source.unnamed and source.columns is None and has_reshape:
                what = f"is missing; the files do not name those that {RESHAPE_FILE} is to see"
                self._add(FILE_NAME, self._file, [(("source", "columns"), what)])
            return source.selection
        text = self._text(source.sql)
        problems = [f"{source.sql}: {each}" for each in _query_problems(text, source) if text]
        self._problems += problems
        self._add(FILE_NAME, self._file, _identifier_problems(text, source))
        return "" if problems else query.with_identifiers(text, source.identifiers)

    def _document(self, name: str) -> tuple[Document, str]:
        text = self._text(name)
        document = Document(text)
        self._add(name, document, document.problems)
        return document, text

    def _text(self, name: str) -> str:
        """Return the text of a file; where that cannot be read, none."""
        path = self.path / name
        try:
            if path.exists() and not path.is_file():
                raise ValueError("it is not a file")
            with path.open(encoding="utf-8-sig") as file:
                text = file.read(MOST_CHARACTERS + 1)
        except UnicodeDecodeError:
            self._problems.append(f"{name}: is not UTF-8; save it as UTF-8")
            return ""
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            self._problems.append(f"{name}: cannot be read: {reason}")
            return ""
        if not text.strip() or len(text) > MOST_CHARACTERS:
            size = f"has more than {MOST_CHARACTERS} characters" if text.strip() else "is empty"
            self._problems.append(f"{name}: {size}")
            return ""
        return text

    def _add(self, name: str, document: Document, problems: Iterable[tuple[Place, str]]) -> None:
        """Keep problems of a file in the order of its lines."""
        lines = ((document.line(place), place, what) for place, what in problems)
        for line, place, what in sorted(lines, key=itemgetter(0)):
            path = ".".join(map(_shown, place)) or "the file"
            self._problems.append(f"{name}:{line}: {path}: {what}")


def _printable(problem: str) -> str:
    """Spell out what a database or a terminal would not take."""
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in problem)


def _shown(part: str | int) -> str:
    text = str(part)
    return text if text.isprintable() and text and len(text) <= 60 else repr(text[:60])


def _name_problems(name: str) -> Iterator[str]:
    if not _FOLDER_NAME.fullmatch(name):
        yield (
            f"the folder's name {name!r} becomes DAG id and job name: use up to 40 lower-case"
            " letters, digits and underscores, a letter first"
        )
    if name.startswith(_RESERVED):
        yield f"the folder's name {name!r} is the package's own: begin with another word"


def _query_problems(text: str, source: Query) -> Iterator[str]:
    yield from query.problems(text)
    yield from query.identifier_problems(text, dict.fromkeys(source.identifiers, "name"))


def _identifier_problems(text: str, source: Query) -> Iterator[tuple[Place, str]]:
    for name, value in source.identifiers.items():
        place = ("source", "identifiers", name)
        if any(query.identifier_problems("", {name: value})):
            yield place, f"must be a name such as schema.table, not {value!r}"
        if text and not re.search(rf"\{{\{{\s*{name}\s*\}}\}}", text):
            yield place, f"is not used: {source.sql} has no {{{{ {name} }}}}"


def _slice_problems(settings: PipelineFile, first_id: Column) -> Iterator[tuple[Place, str]]:
    for part in slices(settings.extract)[:1]:
        try:
            part.check_kind(first_id.name, first_id.kind)
        except SourceError as error:
            yield ("extract",), str(error)
