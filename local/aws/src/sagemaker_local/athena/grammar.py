"""The queries that are known; any other text is refused, so that nothing passes by accident.

https://docs.aws.amazon.com/athena/latest/ug/unload.html
"""

from __future__ import annotations

import re

from sagemaker_local.redshift.grammar import UnknownStatementError, Unload

_COMMENTS = re.compile(r"\A(?:\s*--[^\n]*\n)*")
_SELECT = re.compile(r"\s*(SELECT|WITH)\b", re.IGNORECASE)
_UNLOAD = re.compile(
    r"\s*UNLOAD\s*\((?P<query>\s*(?:SELECT|WITH)\b.*)\)"
    r"\s+TO\s+'s3://(?P<bucket>[a-z0-9.\-]{3,63})/(?P<prefix>[^']+/)'"
    r"\s+WITH\s*\((?P<options>[^()]+)\)\s*\Z",
    re.IGNORECASE | re.DOTALL,
)
_OPTION = re.compile(
    r"\s*(?P<name>\w+)\s*=\s*(?P<value>'\w+'|ARRAY\['\w+'\])\s*(?:,|\Z)", re.IGNORECASE
)
_KNOWN = {
    "format": re.compile(r"'PARQUET'", re.IGNORECASE),
    "compression": re.compile(r"'(SNAPPY|GZIP|ZSTD)'", re.IGNORECASE),
    "partitioned_by": re.compile(r"ARRAY\['(?P<column>\w+)'\]", re.IGNORECASE),
}
_DOUBLE = re.compile(r"\bAS\s+double\s*\)", re.IGNORECASE)


def plain(text: str) -> str | None:
    """Spell a SELECT as PostgreSQL spells it; None where it is none."""
    query = _COMMENTS.sub("", text)
    return _as_postgres(query) if _SELECT.match(query) else None


def unload(text: str) -> Unload | None:
    """Read an UNLOAD; None where the text is another.

    Raises:
        UnknownStatementError: it has something that is not known here.
    """
    query = _COMMENTS.sub("", text)
    if not re.match(r"\s*UNLOAD\b", query, re.IGNORECASE):
        return None
    match = _UNLOAD.match(query)
    if match is None:
        raise UnknownStatementError(f"not known of UNLOAD here: {text[:200]!r}")
    options = _options(match["options"])
    if "format" not in options:
        raise UnknownStatementError("UNLOAD is known here only with format = 'PARQUET'")
    by = options.get("partitioned_by")
    return Unload(
        query=_as_postgres(match["query"]),
        bucket=match["bucket"],
        prefix=match["prefix"],
        column=by["column"].lower() if by else "",
    )


def _options(text: str) -> dict[str, re.Match[str]]:
    found: dict[str, re.Match[str]] = {}
    while text.strip():
        option = _OPTION.match(text)
        name = option["name"].lower() if option else ""
        value = _KNOWN[name].fullmatch(option["value"]) if option and name in _KNOWN else None
        if option is None or value is None or name in found:
            raise UnknownStatementError(f"not known of UNLOAD here: {text.strip()!r}")
        found[name] = value
        text = text[option.end() :]
    return found


def _as_postgres(query: str) -> str:
    return _DOUBLE.sub("AS double precision)", query)
