"""InputFilter, join and OutputFilter.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html: the input
filter shapes what the container is sent, the join adds its reply to the original record, and the
output filter picks from that. Where a filter is `$` and nothing is joined, bytes pass untouched.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sagemaker_local.agent import csvrows, jsonvalues
from sagemaker_local.agent.errors import PathError, RecordError
from sagemaker_local.agent.jsonpath import JsonPath, Rules
from sagemaker_local.agent.split import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sagemaker_local.agent.plan import Plan

JOINED_OUTPUT = "SageMakerOutput"
JOINED_INPUT = "SageMakerInput"
MISMATCH = "Fail to join data: mismatched line count between the input and the output"


def media_type(content_type: str) -> str:
    """The bare media type, lower case: `text/csv; charset=utf-8` is `text/csv`."""
    return content_type.partition(";")[0].strip().lower()


class Format(Protocol):
    """How records of one content type are read, filtered, joined and written."""

    def parse(self, record: bytes) -> Any:
        """The value of an input record."""

    def parse_reply(self, reply: bytes) -> list[Any]:
        """The values of a reply, one for each record."""

    def select(self, path: JsonPath, value: Any) -> Any:
        """What a filter keeps."""

    def join(self, original: Any, output: Any) -> Any:
        """The record joined with the model's output."""

    def identify(self, value: Any, inference_id: str, time: str) -> Any:
        """The record with the identity that data capture gives it."""

    def dump(self, value: Any) -> bytes:
        """The bytes of a value, without a line end."""


@dataclass(frozen=True, kw_only=True)
class CsvFormat:
    """Rows of text/csv: a list of fields, as bytes."""

    quote_leading_blank: bool = False

    def parse(self, record: bytes) -> list[bytes]:
        """The fields of one line."""
        line = bare(record)
        try:
            return csvrows.parse_row(line)
        except csvrows.CsvError as error:
            shown = line.decode("utf-8", "replace")
            raise RecordError(f"Failed to parse line: '{shown}' as CSV: {error}") from error

    def parse_reply(self, reply: bytes) -> list[list[bytes]]:
        """The rows of a reply; blank lines are none."""
        lines = reply.replace(b"\r\n", b"\n").split(b"\n")
        try:
            return [csvrows.parse_row(line) for line in lines if line]
        except csvrows.CsvError as error:
            text = f"Failed to parse output from the algorithm as CSV: {error}"
            raise RecordError(text) from error

    def select(self, path: JsonPath, value: list[bytes]) -> list[bytes]:
        """The columns a filter keeps."""
        return path.of_row(value)

    def join(self, original: list[bytes], output: list[bytes]) -> list[bytes]:
        """The columns of both."""
        return original + output

    def identify(self, value: list[bytes], inference_id: str, time: str) -> list[bytes]:
        """Two more columns."""
        return [*value, inference_id.encode(), time.encode()]

    def dump(self, value: list[bytes]) -> bytes:
        """One line."""
        return csvrows.format_row(value, quote_leading_blank=self.quote_leading_blank)


@dataclass(frozen=True, kw_only=True)
class JsonFormat:
    """Records of application/json and application/jsonlines: any JSON value."""

    html_escape: bool = False
    go_numbers: bool = False

    def parse(self, record: bytes) -> Any:
        """The value of one record."""
        try:
            return jsonvalues.parse(record, go_numbers=self.go_numbers)
        except ValueError as error:
            line = record.decode("utf-8", "replace").rstrip("\r\n")
            raise RecordError(f"Failed to parse line: '{line}' as JSON: {error}") from error

    def parse_reply(self, reply: bytes) -> list[Any]:
        """The values of a reply, one after another."""
        try:
            return jsonvalues.parse_stream(reply, go_numbers=self.go_numbers)
        except ValueError as error:
            text = f"Failed to parse output from the algorithm as JSON: {error}"
            raise RecordError(text) from error

    def select(self, path: JsonPath, value: Any) -> Any:
        """What a filter keeps."""
        return path.of_json(value)

    def join(self, original: Any, output: Any) -> dict[str, Any]:
        """The object with one more key, or both values under keys of their own."""
        if isinstance(original, dict):
            return {**original, JOINED_OUTPUT: output}
        return {JOINED_INPUT: original, JOINED_OUTPUT: output}

    def identify(self, value: Any, inference_id: str, time: str) -> dict[str, Any]:
        """Two more keys."""
        record = value if isinstance(value, dict) else {JOINED_OUTPUT: value}
        return {**record, "SageMakerInferenceId": inference_id, "SageMakerInferenceTime": time}

    def dump(self, value: Any) -> bytes:
        """One compact line."""
        return jsonvalues.dump(value, html_escape=self.html_escape)


class Processor:
    """The DataProcessing of one job.

    Raises:
        RecordError: a filter is not one of the documented forms.
    """

    def __init__(self, plan: Plan) -> None:
        switches = plan.switches
        rules = Rules(
            inclusive=switches["slice_end"] == "inclusive",
            index_and_range=switches["index_and_range"] == "accept",
            missing=switches["missing_name"],
            sorted_wildcard=switches["wildcard_order"] == "sorted",
        )
        self._settings = plan.processing
        self._json = JsonFormat(
            html_escape=switches["json_html_escape"], go_numbers=switches["json_numbers"] == "go"
        )
        self._blank = switches["csv_quote_leading_blank"]
        self._inputs = self._format(plan.content_type)
        self._outputs = self._format(plan.accept or plan.content_type)
        try:
            self._input_path = JsonPath(self._settings.input_filter, rules)
            self._output_path = JsonPath(self._settings.output_filter, rules)
        except PathError as error:
            raise RecordError(str(error)) from error
        self.by_line = media_type(plan.content_type) != "application/json" or (
            plan.split_type == "Line"
        )
        self._lines = plan.assemble_with == "Line"
        self._glued_records = switches["records_without_assembly"] == "glued"

    @property
    def reads_replies(self) -> bool:
        """Whether replies are parsed, or passed through as bytes."""
        return self._settings.reads_replies

    def _format(self, content_type: str) -> Format:
        if media_type(content_type) == "text/csv":
            return CsvFormat(quote_leading_blank=self._blank)
        return self._json

    @property
    def filters_input(self) -> bool:
        """Whether requests differ from the records."""
        return not self._input_path.is_everything

    def records_of(self, run: bytes) -> list[bytes]:
        """The records in a run of bytes: its lines, or the one JSON text it is."""
        return lines_of(run) if self.by_line else [run]

    def requests(self, records: list[bytes]) -> list[bytes]:
        r"""What the container is sent for records; each keeps its `\n`, if it has one.

        Raises:
            RecordError: a record cannot be read, or the filter does not fit it.
        """
        if self._input_path.is_everything:
            return records
        return [self._request(record) for record in records]

    def output(self, records: bytes | list[bytes], reply: bytes) -> bytes:
        """What is written for one reply.

        Args:
            records: the records of the request, as `Batch` holds them.
            reply: the body of the container's reply.

        Raises:
            RecordError: the reply cannot be read, or does not have one record for each.
        """
        if self._joins_text and isinstance(records, bytes) and csvrows.is_plain(records, reply):
            return self._glued(records, reply)
        values = self._outputs.parse_reply(reply)
        pairs: Iterable[Any] = values
        if self._settings.join:
            originals = self.records_of(records) if isinstance(records, bytes) else records
            if len(originals) != len(values):
                raise RecordError(MISMATCH)
            pairs = map(self._outputs.join, map(self._inputs.parse, originals), values)
        if self._settings.inference_ids:
            pairs = (
                self._outputs.identify(value, str(uuid.uuid4()), self._settings.inference_time)
                for value in pairs
            )
        return self._assembled(self._written(pairs), reply)

    @property
    def _joins_text(self) -> bool:
        """Whether a joined row is the record's text, a comma and the reply's text."""
        csv = isinstance(self._inputs, CsvFormat) and not self._blank
        whole = self._output_path.is_everything and not self._settings.inference_ids
        return csv and whole and self._settings.join

    def _glued(self, records: bytes, reply: bytes) -> bytes:
        rows = lines_of(records if records.endswith(b"\n") else records + b"\n")
        outputs = [line for line in reply.split(b"\n") if line]
        if len(rows) != len(outputs):
            raise RecordError(MISMATCH)
        joined = [row[:-1] + b"," + out for row, out in zip(rows, outputs, strict=True)]
        return self._assembled(joined, reply)

    def _written(self, values: Iterable[Any]) -> list[bytes]:
        dump, path = self._outputs.dump, self._output_path
        if path.is_everything:
            return [dump(value) for value in values]
        select = self._outputs.select
        try:
            return [dump(select(path, value)) for value in values]
        except PathError as error:
            raise RecordError(str(error)) from error

    def _assembled(self, records: list[bytes], reply: bytes) -> bytes:
        """The records of one reply, each a line; without AssembleWith it ends as the reply did."""
        if not self._lines and self._glued_records:
            return b"".join(records)
        last = b"\n" if records and (self._lines or reply.endswith(b"\n")) else b""
        return b"\n".join(records) + last

    def _request(self, record: bytes) -> bytes:
        value = self._inputs.parse(record)
        try:
            sent = self._inputs.dump(self._inputs.select(self._input_path, value))
        except PathError as error:
            raise RecordError(str(error)) from error
        return sent + b"\n" if record.endswith(b"\n") else sent


def bare(line: bytes) -> bytes:
    r"""A line without its end."""
    return line.removesuffix(b"\n").removesuffix(b"\r")
