"""Why objects have no output, read from a transform job's data-log.

The service drops the whole output of an object in which one record failed. What it says of it is a
line, or several, in the stream ``<job>/<instance>/data-log``::

    2020-10-14T04:08:19.163:[sagemaker logs]: <bucket>/<key>: ClientError: 400
    2020-10-14T04:08:19.163:[sagemaker logs]: <bucket>/<key>:
    2020-10-14T04:08:19.163:[sagemaker logs]: <bucket>/<key>: Message:
    2020-10-14T04:08:19.163:[sagemaker logs]: <bucket>/<key>: what the container answered

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-errors.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

MESSAGE_LENGTH = 500


class Cause(Enum):
    """What an object failed for."""

    RECORD = "the model refused a record"
    UNFIT = "an answer is not as its prediction declares"
    COUNT = "the container gave more or fewer answers than records"
    SIZE = "a request was too large for the container"
    SERVER = "the container answered 5xx"
    TIMEOUT = "the container did not answer in time"
    SILENCE = "the container ended, or broke the connection"
    OTHER = "the data-log says something else"
    UNKNOWN = "nothing is said of it"
    BYSTANDER = "the container had ended before, on another object"
    SERVICE = "the service failed"


# What any object of the job might have met, whatever its records are: one failure proves nothing.
NOT_OF_RECORDS_ALONE = frozenset(
    {Cause.SERVER, Cause.TIMEOUT, Cause.SILENCE, Cause.OTHER, Cause.UNKNOWN}
)
# What is about the records that share a request, and not about one of them.
OF_REQUESTS = frozenset({Cause.COUNT, Cause.SIZE})
# What says nothing of an object's records, however often it comes.
NEVER_OF_RECORDS = frozenset({Cause.BYSTANDER, Cause.SERVICE})


@dataclass(frozen=True, kw_only=True)
class Blame:
    """Why one object has no output.

    Attributes:
        cause: what it failed for.
        status: HTTP status of the container's answer; empty where there was none.
        message: the container's own words, or the service's; cut to 500 characters.
    """

    cause: Cause
    status: str = ""
    message: str = ""

    def __str__(self) -> str:
        words = f"{self.status} {self.message}".strip()
        return (
            self.cause.value if words in ("", self.cause.value) else f"{self.cause.value}: {words}"
        )


NOTHING_KNOWN = Blame(cause=Cause.UNKNOWN, message=Cause.UNKNOWN.value)

_BYSTANDER = Blame(cause=Cause.BYSTANDER, message=Cause.BYSTANDER.value)
_LINE = re.compile(r"[^ ]*:\[sagemaker logs\]: (?:.*?/)?(?P<name>[^/]+?): ?(?P<text>.*)")
_CAUSES: tuple[tuple[re.Pattern[str], Cause], ...] = (
    (re.compile(r"\w+: (?P<status>429)"), Cause.SERVER),
    (re.compile(r"\w+: (?P<status>413)"), Cause.SIZE),
    (re.compile(r"\w+: (?P<status>4\d\d)"), Cause.RECORD),
    (re.compile(r"\w+: (?P<status>5\d\d)"), Cause.SERVER),
    (re.compile(r"Bad HTTP \w+ .*: (?P<status>4\d\d)"), Cause.RECORD),
    (re.compile(r"Bad HTTP \w+ .*: (?P<status>5\d\d)"), Cause.SERVER),
    (re.compile(r"Model server did not respond"), Cause.TIMEOUT),
    (re.compile(r"Unable to get response"), Cause.SILENCE),
    (re.compile(r".*mismatched line count"), Cause.COUNT),
    (re.compile(r"Failed to parse|Invalid JsonPath"), Cause.RECORD),
    (re.compile(r""), Cause.OTHER),
)


def blames(streams: Iterable[Sequence[str]], names: Iterable[str]) -> Mapping[str, Blame]:
    """Say why objects have no output; of an object that no line names, nothing.

    A container that ended takes every object with it that its instance has not finished. Only the
    first of those that a stream names may be why.

    Args:
        streams: the lines of each instance's data-log.
        names: the objects to look for, by base name.
    """
    sought = frozenset(names)
    by_name: dict[str, Blame] = {}
    for lines in streams:
        has_ended = False
        for name, texts in _texts(lines, sought).items():
            blame = _blame(texts)
            if blame.cause is Cause.SILENCE:
                blame = _BYSTANDER if has_ended else blame
                has_ended = True
            by_name[name] = blame
    return by_name


def _texts(lines: Iterable[str], sought: frozenset[str]) -> Mapping[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for line in lines:
        match = _LINE.match(line)
        if match is not None and match["name"] in sought:
            texts.setdefault(match["name"], []).append(match["text"].rstrip())
    return texts


def _blame(texts: Sequence[str]) -> Blame:
    matches = ((pattern.match(texts[0]), cause) for pattern, cause in _CAUSES)
    match, cause = next((match, cause) for match, cause in matches if match)  # the last always does
    status = match.groupdict().get("status") or ""
    return Blame(cause=cause, status=status, message=_message(texts))


def _message(texts: Sequence[str]) -> str:
    words = texts[texts.index("Message:") + 1 :] if "Message:" in texts else [texts[0]]
    said = ("\n".join(each).replace("\0", "").strip() for each in (words, texts[:1]))
    return next(filter(None, said), "")[:MESSAGE_LENGTH]
