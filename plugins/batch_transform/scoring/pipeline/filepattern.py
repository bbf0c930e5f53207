"""The pattern of a source's files in S3: placeholders for the partition, and wildcards over keys.

``s3://lake/flights/date={{ partition }}/*.parquet`` is filled in with one day, and matches the
keys of its files. ``{{ slice }}`` stands for the number of the slice that a file is of. As in
Spark, Hive and Athena, no wildcard matches a file or a folder whose name begins with ``_`` or
``.``: ``_SUCCESS`` and ``_temporary/`` are no data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from batch_transform.scoring.names import CONTROL, S3Uri

_PARTS = re.compile(r"s3://([a-z0-9][a-z0-9.\-]{1,61}[a-z0-9])/(.+)", re.DOTALL)
_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
_SLICE = "{{ slice }}"
_TOKEN = re.compile(
    r"(?P<class>\[!?\]?[^\]/]*\])|(?P<any>\*\*)|(?P<some>\*)|(?P<one>\?)|(?P<slice>\{\{ slice \}\})"
)
_ANY_FOLDERS = re.compile(r"(?:\*\*/)+\*?|\*\*")  # none of them, too; AWS's * matches slashes
_WILD = re.compile(r"[*?\[{]")
_VALUES = {"partition": "%Y-%m-%d", "year": "%Y", "month": "%m", "day": "%d"}
_DIGIT = "\0"  # of a day, which is no wildcard of the pattern's
_YEAR, _TWO = _DIGIT * 4, _DIGIT * 2
_SHAPES = {
    "partition": f"{_YEAR}-{_TWO}-{_TWO}",
    "year": _YEAR,
    "month": _TWO,
    "day": _TWO,
    "slice": "*",
}
_DAYS = ({"partition"}, {"year", "month", "day"})  # each says which day it is
_SHOWN = "{{ partition }}, or all of {{ year }}, {{ month }} and {{ day }}"
_VISIBLE = r"(?![._/]|\Z)"


@dataclass(frozen=True, kw_only=True)
class Glob:
    """The keys of one partition's files.

    Attributes:
        start: bucket, and what every key begins with.
        keys: matches a whole key.
    """

    start: S3Uri
    keys: re.Pattern[str]

    def slice_of(self, uri: S3Uri) -> int:
        """Return the number of the slice that a matching file is of, where the pattern has it."""
        match = self.keys.fullmatch(uri.key)
        return int(match["slice"]) if match else -1


@dataclass(frozen=True, kw_only=True)
class AnyDay:
    """The keys of every partition's files, as policies of AWS spell patterns.

    Attributes:
        bucket: where they are.
        keys: pattern of the keys.
        start: pattern of what is listed.
    """

    bucket: S3Uri
    keys: str
    start: str


def problems(pattern: str) -> Iterator[str]:
    """Say what is wrong with a pattern."""
    parts = _PARTS.fullmatch(pattern)
    if parts is None:
        yield "a pattern reads like s3://bucket/folder/*.parquet; the bucket has no wildcards"
        return
    yield from _control_characters(pattern)
    names = {match[1] for match in _PLACEHOLDER.finditer(parts[2])}
    for name in sorted(names - {*_VALUES, "slice"}):
        yield f"nothing gives {{{{ {name} }}}} a value; there are {', '.join(_VALUES)}, slice"
    if [match[1] for match in _PLACEHOLDER.finditer(parts[2])].count("slice") > 1:
        yield f"the pattern has {_SLICE} more than once"
    if not any(day <= names for day in _DAYS):
        yield f"the pattern does not say which day: use {_SHOWN}, or every run scores the same rows"
    key = _PLACEHOLDER.sub("0", parts[2])
    if set("{}") & set(key):
        yield "braces go around the name of a placeholder alone, as in {{ partition }}"
    if key.endswith("/"):
        yield "the pattern names a folder; end it with /* or the like"
    if "[" in _TOKEN.sub("", key):
        yield "a [ is never closed; for the character itself write [[]"
    elif not _compiles(key):
        yield "the text between [ and ] is no set of characters, such as [a-z] or [!0-9]"
    if any("**" in segment and segment != "**" for segment in key.split("/")):
        yield "** matches whole folders, alone between slashes"


def _control_characters(pattern: str) -> Iterator[str]:
    if control := re.search(rf"[{CONTROL}]", pattern):
        yield f"a pattern has no line breaks and no other control characters such as {control[0]!r}"


def glob(pattern: str, day: date) -> Glob:
    """Fill the day into a pattern that has no problems."""
    bucket, key = _PARTS.fullmatch(pattern).groups()  # type: ignore[union-attr]  # no problems
    filled = _PLACEHOLDER.sub(lambda match: _value(match[1], day), key)
    fixed = _WILD.split(filled, maxsplit=1)[0]
    return Glob(start=S3Uri(bucket, fixed), keys=_expression(filled))


def any_day(pattern: str) -> AnyDay:
    """Return the keys that a pattern without problems may match, whatever the day."""
    bucket, key = _PARTS.fullmatch(pattern).groups()  # type: ignore[union-attr]  # no problems
    sized = _PLACEHOLDER.sub(lambda match: _SHAPES[match[1]], key)
    some = _ANY_FOLDERS.sub("*", _TOKEN.sub(_loose, sized))
    fixed = _WILD.split(sized, maxsplit=1)[0]
    return AnyDay(
        bucket=S3Uri(bucket), keys=some.replace(_DIGIT, "?"), start=fixed.replace(_DIGIT, "?")
    )


def _loose(match: re.Match[str]) -> str:
    return "?" if match["class"] or match["one"] else match[0]


def is_by_slice(pattern: str) -> bool:
    """Tell whether a pattern says which slice each file is of."""
    return any(match[1] == "slice" for match in _PLACEHOLDER.finditer(pattern))


def is_wild(pattern: str) -> bool:
    """Tell whether a pattern without problems may match several keys of one day."""
    return is_by_slice(pattern) or _WILD.search(_PLACEHOLDER.sub("", pattern)) is not None


def _value(name: str, day: date) -> str:
    if name == "slice":
        return _SLICE
    # %Y has no leading zeros on every platform.
    return day.isoformat()[:4] if name == "year" else f"{day:{_VALUES[name]}}"


def _compiles(key: str) -> bool:
    try:
        _expression(key)
    except re.error:
        return False
    return True


def _expression(key: str) -> re.Pattern[str]:
    *folders, last = key.split("/")
    return re.compile("".join(map(_folder, folders)) + _name(last), re.DOTALL)


def _folder(segment: str) -> str:
    return f"(?:{_VISIBLE}[^/]*/)*" if segment == "**" else f"{_segment(segment)}/"


def _name(segment: str) -> str:
    return f"{_folder(segment)}{_VISIBLE}[^/]+" if segment == "**" else _segment(segment)


def _segment(segment: str) -> str:
    """Return the expression of one folder or file name."""
    pieces = [_VISIBLE if _WILD.match(segment) else ""]
    end = 0
    for match in _TOKEN.finditer(segment):
        pieces.append(re.escape(segment[end : match.start()]))
        pieces.append(_wildcard(match))
        end = match.end()
    return "".join([*pieces, re.escape(segment[end:])])


def _wildcard(match: re.Match[str]) -> str:
    if match["slice"]:
        return "(?P<slice>[0-9]{1,9})"
    if not match["class"]:
        return "[^/]" if match["one"] else "[^/]*"
    inner = match["class"][1:-1]
    negated, members = inner.startswith("!"), inner.removeprefix("!")
    escaped = re.sub(r"([\\^\[\]&~|])", r"\\\1", members)
    return f"(?!/)[{'^' if negated else ''}{escaped}]"
