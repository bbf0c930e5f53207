"""Clients of AWS that share a session: its credentials, and the megabytes it reads about AWS.

The provider's hook makes a session for each client, and reads the source of every frame of the
stack to say in the user agent who calls: a third of the time of a task that does little.
"""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from typing import Any

import boto3
from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from botocore.config import Config
from typing_extensions import override

_CALLER = "BatchTransform"  # in the user agent of each request, as CloudTrail keeps it
_LOADER = "data_loader"  # botocore's name of what reads the descriptions of AWS's services
# What makes a client without a look for credentials, which may ask the network.
_NOBODY = {
    "region_name": "us-east-1",
    "aws_access_key_id": "none",
    "aws_secret_access_key": "none",
}
_loaders: list[Any] = []


class OneSession:
    """Makes clients of an AWS connection, which is looked up once."""

    def __init__(self, conn_id: str) -> None:
        """Use an Airflow connection."""
        self._hook = _SharingHook(aws_conn_id=conn_id)
        self._lock = Lock()

    def client(self, service: str, config: Config) -> Any:
        """Return a new client; several threads may ask for one.

        Args:
            service: boto3's name of it.
            config: settings that go before those in the connection.

        https://docs.aws.amazon.com/boto3/latest/guide/session.html#multithreading-or-multiprocessing-with-sessions
        """
        with self._lock:
            self._hook.client_type = service
            return self._hook.get_client_type(self._hook.region_name, config)


class _SharingHook(AwsBaseHook):
    shared: Any = None

    @override
    def get_session(self, region_name: str | None = None, deferrable: bool = False) -> Any:
        if self.shared is None:
            self.shared = _reading_once(super().get_session(region_name, deferrable))
        return self.shared

    @override
    def _get_caller(self, target_function_name: str = "execute") -> str:
        return _CALLER


def read_ahead(services: Iterable[str]) -> None:
    """Read the descriptions of services for the processes that will be forked from this one."""
    session = _reading_once(boto3.Session(**_NOBODY))
    for service in services:
        session.client(service)


def _reading_once(session: Any) -> Any:
    """Let all sessions of a process, and of those forked from it, read AWS's descriptions once."""
    core = session._session  # boto3 has no other way to it
    _loaders[:] = _loaders or [core.get_component(_LOADER)]
    core.register_component(_LOADER, _loaders[0])
    return session
