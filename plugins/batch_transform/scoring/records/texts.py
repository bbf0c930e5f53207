"""The text of text, in CSV and in JSON."""

from __future__ import annotations

import re
from collections.abc import Sequence
from json.encoder import encode_basestring
from typing import Any
from uuid import UUID

from batch_transform.scoring.pipeline.record import Policies
from batch_transform.scoring.records.unwritable import LINE_BREAK, NUL, SURROGATE, Unwritable

_CSV_QUOTED = re.compile(r'[",]')
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_NUL = re.compile("\0")
_SURROGATE = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def csv_texts(values: Sequence[Any], policies: Policies) -> list[str]:
    """Return CSV fields (RFC 4180): NULL is an empty field, the empty text a quoted one.

    Raises:
        Unwritable: a value has a line break, a NUL or half of a surrogate pair, and the policy is
            to refuse it.
    """
    texts = _unicode(_texts(values), policies)
    everything = "\0".join(filter(None, texts))
    if everything.count("\0") > max(0, sum(map(bool, texts)) - 1):
        texts = _without_nul(texts, policies)
    if _LINE_BREAK.search(everything):
        texts = _one_line(texts, policies)
    if '"' in everything or "," in everything:
        return [_csv_text(text) for text in texts]
    return ["" if text is None else text or '""' for text in texts]


def json_texts(values: Sequence[Any], policies: Policies) -> list[str]:
    """Return JSON strings, in which only what must be escaped is, or ``null``.

    Raises:
        Unwritable: a value has half of a surrogate pair, and the policy is to refuse it.
    """
    texts = _unicode(_texts(values), policies)
    return ["null" if text is None else encode_basestring(text) for text in texts]


def whole_text(text: str, policies: Policies) -> str:
    """Return a text inside a nested value, as the policy for surrogates has it."""
    (whole,) = _unicode([text], policies)
    return whole or ""


def _texts(values: Sequence[Any]) -> list[str | None]:
    return [str(value) if isinstance(value, UUID) else value for value in values]


def _csv_text(text: str | None) -> str:
    if text is None:
        return ""
    if text and not _CSV_QUOTED.search(text):
        return text
    return '"' + text.replace('"', '""') + '"'


def _unicode(texts: list[str | None], policies: Policies) -> list[str | None]:
    try:
        "".join(filter(None, texts)).encode()
    except UnicodeEncodeError:
        # Joining may also have put two halves beside each other, so each text is looked at alone.
        if policies.surrogate == "refuse":
            raise Unwritable(_position(texts, _SURROGATE), SURROGATE) from None
        return [text and _SURROGATE.sub(_REPLACEMENT, text) for text in texts]
    return texts


def _one_line(texts: list[str | None], policies: Policies) -> list[str | None]:
    if policies.line_break == "refuse":
        raise Unwritable(_position(texts, _LINE_BREAK), LINE_BREAK)
    return [text and _LINE_BREAK.sub(" ", text) for text in texts]


def _without_nul(texts: list[str | None], policies: Policies) -> list[str | None]:
    if policies.nul == "refuse":
        raise Unwritable(_position(texts, _NUL), NUL)
    return [text and _NUL.sub("", text) for text in texts]


def _position(texts: Sequence[str | None], pattern: re.Pattern[str]) -> int:
    return next(number for number, text in enumerate(texts) if text and pattern.search(text))
