"""Request bodies to records, and predictions to reply bodies.

A CSV record is a list of its fields as text, a JSON record is whatever JSON holds. Every line is
one record and has one line of the reply, which is what a transform job counts on.
"""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from werkzeug.exceptions import BadRequest, InternalServerError, UnsupportedMediaType

CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"
SUPPORTED = (CSV, JSON_LINES, JSON)


def decode(body: bytes, media_type: str) -> list[Any]:
    """The records of a request body.

    Raises:
        UnsupportedMediaType: the bytes are not UTF-8 text.
        BadRequest: a line is not a record; the message names the line, from 1.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnsupportedMediaType(
            f"the payload is not UTF-8 text: {error.reason} at byte {error.start}"
        ) from error
    if media_type == CSV:
        return _decode_csv(text)
    lines = text.removesuffix("\n").split("\n") if media_type == JSON_LINES else [text]
    return [_decode_json(line, number) for number, line in enumerate(lines, start=1)]


def encode(predictions: Sequence[Any], media_type: str) -> bytes:
    """The reply body: a line for each prediction, a number or a list of numbers.

    JSON has the shape TensorFlow Serving answers in: one instance a line, so one row in each list.

    Raises:
        InternalServerError: a prediction cannot be written in this format.
    """
    rows = [list(row) if isinstance(row, list | tuple) else [row] for row in predictions]
    try:
        if media_type == CSV:
            lines = [",".join(_json(value) for value in row) for row in rows]
        else:
            lines = [_json({"predictions": [row]}) for row in rows]
    except (TypeError, ValueError) as error:
        raise InternalServerError(
            f"a prediction cannot be written as {media_type}: {error}"
        ) from error
    return "".join(f"{line}\n" for line in lines).encode()


def _decode_csv(text: str) -> list[Any]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records = []
    try:
        for record in reader:
            if not record:
                raise BadRequest(f"line {reader.line_num}: is empty")
            records.append(record)
    except csv.Error as error:
        raise BadRequest(f"line {reader.line_num}: is not CSV: {error}") from error
    return records


def _decode_json(text: str, number: int) -> Any:
    if not text.strip():
        raise BadRequest(f"line {number}: is empty")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"{error.msg} (column {error.colno})"
        raise BadRequest(f"line {number}: is not JSON: {reason}") from error
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"line {number}: is not JSON that can be read: {error}") from error


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False)
