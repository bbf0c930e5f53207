"""Request bodies to records, and predictions to reply bodies.

A CSV record is a list of its fields as text, a JSON record is whatever JSON holds. Every line is
one record and has one line of the reply, which is what a transform job counts on.
"""

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from local.models.container.errors import BadRecordError, ModelFailedError, UnsupportedContentError
from local.models.container.media import CSV, JSON, JSON_LINES

Records = list[Any]


def decode(body: bytes, media_type: str) -> Records:
    """The records of a request body.

    Raises:
        UnsupportedContentError: the bytes are not UTF-8 text.
        BadRecordError: a line is no record; the message names the line, from 1.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnsupportedContentError(
            f"the payload is not UTF-8 text: {error.reason} at byte {error.start}"
        ) from error
    return _DECODERS[media_type](text)


def encode(predictions: Sequence[Any], media_type: str) -> bytes:
    """The reply body: a line for each prediction, a number or a list of numbers.

    Raises:
        ModelFailedError: a prediction cannot be written in this format.
    """
    try:
        return _ENCODERS[media_type](predictions).encode("utf-8")
    except (TypeError, ValueError) as error:
        raise ModelFailedError(
            f"a prediction cannot be written as {media_type}: {error}"
        ) from error


def _decode_csv(text: str) -> Records:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records = []
    try:
        for record in reader:
            if not record:
                raise BadRecordError(f"line {reader.line_num}: is empty")
            records.append(record)
    except csv.Error as error:
        raise BadRecordError(f"line {reader.line_num}: is not CSV: {error}") from error
    return records


def _decode_json_lines(text: str) -> Records:
    lines = text.removesuffix("\n").split("\n") if text else []
    return [_parse(line, number) for number, line in enumerate(lines, start=1)]


def _decode_json(text: str) -> Records:
    return [_parse(text, 1)]


def _parse(text: str, number: int) -> Any:
    if not text.strip():
        raise BadRecordError(f"line {number}: is empty")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"{error.msg} (column {error.colno})"
        raise BadRecordError(f"line {number}: is not JSON: {reason}") from error
    except (ValueError, RecursionError) as error:
        raise BadRecordError(f"line {number}: is not JSON that can be read: {error}") from error


def _encode_csv(predictions: Sequence[Any]) -> str:
    return "".join(",".join(map(_number_text, _listed(one))) + "\n" for one in predictions)


def _encode_json_lines(predictions: Sequence[Any]) -> str:
    """The shape TensorFlow Serving answers in: one instance a line, so one row in each list."""
    return "".join(
        json.dumps({"predictions": [_listed(one)]}, allow_nan=False) + "\n" for one in predictions
    )


def _listed(prediction: Any) -> list[Any]:
    return list(prediction) if isinstance(prediction, list | tuple) else [prediction]


def _number_text(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


_DECODERS: dict[str, Callable[[str], Records]] = {
    CSV: _decode_csv,
    JSON_LINES: _decode_json_lines,
    JSON: _decode_json,
}
_ENCODERS: dict[str, Callable[[Sequence[Any]], str]] = {
    CSV: _encode_csv,
    JSON_LINES: _encode_json_lines,
    JSON: _encode_json_lines,
}
