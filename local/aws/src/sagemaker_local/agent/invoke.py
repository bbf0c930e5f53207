"""Sending one request through the containers of the instance, with retries.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ModelClientConfig.html says how
often and how long; which results are retried is not documented: see `sagemaker_local.switches`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sagemaker_local.agent.channel import Channel
from sagemaker_local.agent.errors import (
    ALGORITHM,
    CLIENT,
    ExchangeFailed,
    ExchangeTimeout,
    ObjectError,
)
from sagemaker_local.agent.replies import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sagemaker_local.agent.container import Container
    from sagemaker_local.agent.plan import Plan
    from sagemaker_local.agent.sending import Body

_SHOWN_LINES = 20
_SHOWN_BYTES = 65536
_AT_ONCE = 1 << 20


class Invoker:
    """One of the connections an instance keeps to its containers. Used by one thread."""

    def __init__(
        self, plan: Plan, containers: Sequence[Container], broken: Callable[[], bool]
    ) -> None:
        self._channels = [Channel(each.target, plan.folder or None) for each in containers]
        self._plan = plan
        self._broken = broken
        self._heads: dict[tuple[int, str], bytes] = {}

    def invoke(self, body: Body) -> Reply:
        """The reply of the last container to a request.

        Raises:
            ObjectError: it did not answer, or answered with an error.
        """
        reply = Reply(200, b"", self._plan.content_type)
        for number in range(len(self._channels)):
            sent = body if number == 0 else _passed_on(reply)
            reply = self._with_retries(number, sent, reply.content_type)
        return reply

    def close(self) -> None:
        """Close the connections."""
        for channel in self._channels:
            channel.close()

    def _with_retries(self, number: int, body: Body, content_type: str) -> Reply:
        head = self._head(number, content_type)
        failure = ObjectError(ALGORITHM, "Unable to get response from algorithm")
        for attempt in range(self._plan.retries + 1):
            if attempt:
                time.sleep(self._plan.switches["retry_pause_seconds"] * 2 ** (attempt - 1))
            try:
                reply = self._channels[number].exchange(head, body, self._plan.timeout)
            except ExchangeFailed as error:
                failure = self._no_reply(error)
                if self._broken():
                    break
                continue
            if 200 <= reply.status < 300:
                return reply
            failure = self._refused(reply)
            if not self._is_retried(reply.status):
                break
        raise failure

    def _is_retried(self, status: int) -> bool:
        retried = self._plan.switches["retried_statuses"]
        return str(status) in retried or f"{status // 100}xx" in retried

    def _head(self, number: int, content_type: str) -> bytes:
        head = self._heads.get((number, content_type))
        if head is None:
            last = number == len(self._channels) - 1
            headers = {
                "User-Agent": "Go-http-client/1.1",
                "Content-Type": content_type,
                "Accept": self._plan.accept if last else "",
            }
            kept = {name: value for name, value in headers.items() if value}
            head = self._channels[number].request("POST", "/invocations", kept)
            self._heads[number, content_type] = head
        return head

    def _no_reply(self, error: ExchangeFailed) -> ObjectError:
        if isinstance(error, ExchangeTimeout):
            return ObjectError(ALGORITHM, timeout_text(self._plan))
        return ObjectError(ALGORITHM, "Unable to get response from algorithm")

    @staticmethod
    def _refused(reply: Reply) -> ObjectError:
        kind = CLIENT if 400 <= reply.status < 500 else ALGORITHM
        body = reply.body if reply.file is None else reply.file.read(_SHOWN_BYTES)
        text = body[:_SHOWN_BYTES].decode("utf-8", "replace").splitlines()[:_SHOWN_LINES]
        return ObjectError(kind, f"{kind}: {reply.status}", "", "Message:", *text)


def _passed_on(reply: Reply) -> Body:
    """The body of the next container's request."""
    file = reply.file
    if file is None:
        return reply.body

    def chunks() -> Iterator[bytes]:
        file.seek(0)
        return iter(lambda: file.read(_AT_ONCE), b"")

    return chunks


def timeout_text(plan: Plan) -> str:
    """What the data-log says of a request that was not answered in time."""
    tries = plan.retries + 1 if plan.switches["timeout_in_log"] == "all-tries" else 1
    return (
        "Model server did not respond to /invocations request within "
        f"{plan.timeout * tries} seconds"
    )
