"""The statements that are known; any other text is refused, so that nothing passes by accident.

https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html
https://docs.aws.amazon.com/redshift/latest/dg/r_COPY.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD = r'(?:"(?:[^"]|"")+"|[A-Za-z_]\w*)'
_NAME = rf"{_WORD}(?:\.{_WORD})?"
_ROLE = r"IAM_ROLE\s+(?:default|'arn:aws:iam::[0-9]{12}:role/[\w+=,.@/\-]+')"
_PLAIN = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"\s*(SELECT|WITH)\b",
        r"\s*CREATE\s+TEMP(ORARY)?\s+TABLE\s+\w+\s+AS\s",
        rf"\s*CREATE\s+TEMP(ORARY)?\s+TABLE\s+{_WORD}\s*\(.*\)\s*\Z",
        rf"\s*CREATE\s+TABLE\s+IF\s+NOT\s+EXISTS\s+{_NAME}\s*\(.*\)\s*\Z",
        rf"\s*ALTER\s+TABLE\s+{_NAME}\s+ADD\s+COLUMN\s",
        r"\s*SET\s+timezone\s+(TO|=)\s+'[\w/+\-]+'\s*\Z",
        rf"\s*LOCK\s+(TABLE\s+)?{_NAME}\s*\Z",
        rf"\s*DELETE\s+FROM\s+{_NAME}\s+WHERE\s",
        rf"\s*INSERT\s+INTO\s+{_NAME}\s*\(",
        rf"\s*UPDATE\s+{_NAME}\s+SET\s",
    )
)
_SORTKEY = re.compile(rf"\s+SORTKEY\s*\({_WORD}\)\s*\Z", re.IGNORECASE)
_COUNT = re.compile(r"\s*SELECT\s+pg_last_unload_count\(\)\s*\Z", re.IGNORECASE)
_UNLOAD = re.compile(
    r"\s*UNLOAD\s*\('(?P<query>(?:[^'\\]|'')+)'\)"
    r"\s+TO\s+'s3://(?P<bucket>[a-z0-9.\-]{3,63})/(?P<prefix>[^'\\]+)'"
    rf"\s+{_ROLE}(?P<options>.*)\Z",
    re.IGNORECASE | re.DOTALL,
)
_COPY = re.compile(
    rf"\s*COPY\s+(?P<table>{_NAME})"
    r"\s+FROM\s+'s3://(?P<bucket>[a-z0-9.\-]{3,63})/(?P<key>[^'\\]+)'"
    rf"\s+{_ROLE}\s+FORMAT\s+(?:AS\s+)?PARQUET\s+MANIFEST\s*\Z",
    re.IGNORECASE,
)
_OPTIONS = {
    "format": re.compile(r"\s+FORMAT\s+(?:AS\s+)?PARQUET\b", re.IGNORECASE),
    "partition": re.compile(r"\s+PARTITION\s+BY\s+\((?P<column>\w+)\)", re.IGNORECASE),
    "manifest": re.compile(r"\s+MANIFEST\s+VERBOSE\b", re.IGNORECASE),
    "size": re.compile(r"\s+MAXFILESIZE\s+(?:AS\s+)?(?P<mb>[0-9]+)\s+MB\b", re.IGNORECASE),
}
_LARGEST_FILE_MB = 6349  # 6.2 GB
_SMALLEST_FILE_MB = 5


class UnknownStatementError(ValueError):
    """The text is none that is known."""


@dataclass(frozen=True, kw_only=True)
class Unload:
    """An UNLOAD into Parquet.

    Args:
        query: what is unloaded.
        bucket: of the files.
        prefix: what all their keys begin with.
        column: by whose values the files lie in folders; empty where all lie in one.
    """

    query: str
    bucket: str
    prefix: str
    column: str


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A COPY of the Parquet files of a manifest.

    Args:
        table: into which they are copied, as it is written.
        bucket: of the manifest.
        key: of the manifest.
    """

    table: str
    bucket: str
    key: str


def is_count(text: str) -> bool:
    """Whether a statement asks how many rows the last UNLOAD of the session has written."""
    return _COUNT.match(text) is not None


def plain(text: str) -> str | None:
    """Spell a statement that PostgreSQL can run as it spells it; None where it is none."""
    spelt = text
    if re.match(r"\s*CREATE\s+TABLE\b", text, re.IGNORECASE):
        spelt = _SORTKEY.sub("", text)
    return spelt if any(pattern.match(spelt) for pattern in _PLAIN) else None


def copy(text: str) -> Copy | None:
    """Read a COPY; None where the statement is another.

    Raises:
        UnknownStatementError: it has something that is not known here.
    """
    if not re.match(r"\s*COPY\b", text, re.IGNORECASE):
        return None
    match = _COPY.match(text)
    if match is None:
        raise UnknownStatementError(f"not known of COPY here: {text[:200]!r}")
    return Copy(**match.groupdict())


def unload(text: str) -> Unload | None:
    """Read an UNLOAD; None where the statement is another.

    Raises:
        UnknownStatementError: it has something that is not known here.
    """
    if not re.match(r"\s*UNLOAD\b", text, re.IGNORECASE):
        return None
    match = _UNLOAD.match(text)
    if match is None:
        raise UnknownStatementError(f"syntax error in {text[:200]!r}")
    options, found = match["options"].rstrip(), {}
    while options:
        name, option = next(
            ((name, hit) for name, each in _OPTIONS.items() if (hit := each.match(options))),
            ("", None),
        )
        if option is None or name in found:
            raise UnknownStatementError(f"not known of UNLOAD here: {options.strip()!r}")
        found[name] = option
        options = options[option.end() :]
    missing = {"format", "manifest"} - set(found)
    if missing:
        raise UnknownStatementError(f"UNLOAD is known here only with {', '.join(sorted(missing))}")
    if "size" in found and not _SMALLEST_FILE_MB <= int(found["size"]["mb"]) <= _LARGEST_FILE_MB:
        raise UnknownStatementError("MAXFILESIZE is from 5 MB to 6.2 GB")
    return Unload(
        query=match["query"].replace("''", "'"),
        bucket=match["bucket"],
        prefix=match["prefix"],
        column=found["partition"]["column"].lower() if "partition" in found else "",
    )
