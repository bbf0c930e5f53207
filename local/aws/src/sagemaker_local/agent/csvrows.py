"""CSV rows as the service reads and writes them: like Go's `encoding/csv`, one row a line.

The wording of its errors in real data-logs is that package's
(https://pkg.go.dev/encoding/csv). Blanks around a field belong to it; a field is quoted on
writing only where it must be.
"""

from __future__ import annotations

from sagemaker_local.agent.errors import AgentError

_SPECIAL = (b",", b'"', b"\r", b"\n")


class CsvError(AgentError):
    """A line is not one CSV row."""


def parse_row(line: bytes) -> list[bytes]:
    r"""The fields of one line, without its end.

    Raises:
        CsvError: a quote where none may be, or one that is missing.
    """
    if b'"' not in line:
        return line.split(b",")
    fields, position = [], 0
    while True:
        if line.startswith(b'"', position):
            field, position = _quoted(line, position + 1)
        else:
            field, position = _bare(line, position)
        fields.append(field)
        if position >= len(line):
            return fields
        position += 1


def is_plain(*texts: bytes) -> bool:
    """Whether reading rows and writing them again cannot change them."""
    return not any(b'"' in text or b"\r" in text for text in texts)


def _bare(line: bytes, start: int) -> tuple[bytes, int]:
    end = line.find(b",", start)
    end = len(line) if end < 0 else end
    quote = line.find(b'"', start, end)
    if quote >= 0:
        raise _error('bare " in non quoted field', line[quote:])
    return line[start:end], end


def _quoted(line: bytes, start: int) -> tuple[bytes, int]:
    pieces, position = [], start
    while True:
        end = line.find(b'"', position)
        if end < 0:
            raise _error('extraneous or missing " in quoted-field', line[start:])
        pieces.append(line[position:end])
        after = line[end + 1 : end + 2]
        if after == b'"':
            pieces.append(b'"')
            position = end + 2
        elif after in {b"", b","}:
            return b"".join(pieces), end + 1
        else:
            raise _error('extraneous or missing " in quoted-field', line[end:])


def _error(why: str, near: bytes) -> CsvError:
    return CsvError(f"{why} found near: {near.decode('utf-8', 'replace')}")


def format_row(fields: list[bytes], *, quote_leading_blank: bool = False) -> bytes:
    """One line without its end."""
    line = b",".join(fields)
    plain = b'"' not in line and b"\r" not in line and line.count(b",") == len(fields) - 1
    if plain and not (quote_leading_blank and b" " in line):
        return line
    return b",".join([_field(each, quote_leading_blank) for each in fields])


def _field(field: bytes, quote_leading_blank: bool) -> bytes:
    blank = quote_leading_blank and field[:1].isspace()
    if blank or any(each in field for each in _SPECIAL):
        return b'"' + field.replace(b'"', b'""') + b'"'
    return field
