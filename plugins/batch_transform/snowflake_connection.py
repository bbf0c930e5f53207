"""A session of Snowflake's, from an Airflow connection.

The fields are those of Airflow's own provider, which need not be installed: its releases that know
Airflow 3 want an older SQLAlchemy than Airflow may have, and all that is needed of it is what its
fields mean.
https://airflow.apache.org/docs/apache-airflow-providers-snowflake/stable/connections/snowflake.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from batch_transform.scoring.errors import AccessRefused, ConfigurationError, Unreachable

if TYPE_CHECKING:
    from batch_transform.scoring.snowflake.snowflake_session import Session

SNOWFLAKE = "snowflake"  # the connection's type
_AS_THEY_ARE = (
    "account",
    "warehouse",
    "database",
    "region",
    "role",
    "authenticator",
    "token",
    "host",
    "port",
    "protocol",
    "proxy_host",
    "proxy_port",
    "proxy_user",
    "proxy_password",
    "ocsp_fail_open",
    "workload_identity_provider",
    "session_parameters",
)
_CLIENT_CREDENTIALS = "client_credentials"
_PEM = "-----BEGIN"
# Seconds; of a login, and of any one request.
_PATIENT = {"login_timeout": 60, "network_timeout": 600}
_HURRIED = {"login_timeout": 3, "network_timeout": 3}


@contextmanager
def snowflake_session(conn_id: str, *, hurried: bool = False) -> Iterator[Session]:
    """Lend a session; ``hurried`` for who is being killed.

    Raises:
        ConfigurationError: the connection is of another kind, or the connector is not installed.
        AccessRefused: Snowflake does not take its user, password, key or token.
        Unreachable: there is no answer.
    """
    from batch_transform.scoring.snowflake.snowflake_session import Session

    session = Session(_connected(conn_id, _HURRIED if hurried else _PATIENT))
    try:
        yield session
    finally:
        session.close()


def parameters(connection: Any) -> dict[str, Any]:
    """Return what the connector is called with, of a connection's fields.

    Raises:
        ConfigurationError: an OAuth that needs more than a token or a client's credentials.
    """
    extra: Mapping[str, Any] = connection.extra_dejson
    given = {name: extra[name] for name in _AS_THEY_ARE if extra.get(name) is not None}
    basis = {"user": connection.login, "password": connection.password, "schema": connection.schema}
    given |= {name: value for name, value in basis.items() if value}
    if extra.get("private_key_file") or extra.get("private_key_content"):
        return _with_key(given, extra)
    if extra.get("authenticator") == "oauth" or extra.get("grant_type"):
        return _with_oauth(given, extra, connection)
    return given


def _connected(conn_id: str, patience: Mapping[str, int]) -> Any:
    connection = BaseHook.get_connection(conn_id)
    if connection.conn_type != SNOWFLAKE:
        raise ConfigurationError(
            f"Connection {conn_id!r} is {connection.conn_type}, not Snowflake; name a Snowflake"
            " connection in source.conn_id, or target.conn_id"
        )
    try:
        from snowflake import connector
    except ImportError as error:
        raise ConfigurationError(
            "Snowflake's connector is not installed: pip install 'airflow-batch-transform"
            "[snowflake]'"
        ) from error
    try:
        return connector.connect(**{**patience, **parameters(connection)}, application="Airflow")
    except (connector.errors.OperationalError, connector.errors.InterfaceError) as error:
        raise Unreachable(f"Connection {conn_id!r}: Snowflake does not answer: {error}") from error
    except connector.errors.Error as error:
        raise AccessRefused(f"Connection {conn_id!r}: Snowflake refuses: {error}") from error


def _with_key(given: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Sign in by a key pair, whose passphrase is the connection's password.

    https://docs.snowflake.com/en/user-guide/key-pair-auth
    """
    passphrase = given.pop("password", None)
    if extra.get("private_key_file"):
        given["private_key_file"] = extra["private_key_file"]
        if passphrase:
            given["private_key_file_pwd"] = passphrase
    else:
        given["private_key"] = _der(str(extra["private_key_content"]), passphrase)
    return {**given, "authenticator": "SNOWFLAKE_JWT"}


def _der(content: str, passphrase: str | None) -> bytes:
    """Return the key as DER; it is PEM, or PEM in Base64 as the provider has it."""
    from cryptography.hazmat.primitives import serialization

    try:
        pem = content.encode() if _PEM in content else base64.b64decode(content, validate=True)
        key = serialization.load_pem_private_key(pem, passphrase.encode() if passphrase else None)
    except (ValueError, TypeError, binascii.Error) as error:
        raise ConfigurationError(
            "private_key_content is no private key in PEM, plain or in Base64, of which the"
            " connection's password is the passphrase"
        ) from error
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _with_oauth(given: dict[str, Any], extra: Mapping[str, Any], connection: Any) -> dict[str, Any]:
    """Sign in by a token, or by one that the connector gets for a client's id and secret.

    https://docs.snowflake.com/en/developer-guide/python-connector/python-connector-connect#oauth
    """
    if given.get("token"):
        given.pop("password", None)
        return {**given, "authenticator": "oauth"}
    if extra.get("grant_type") != _CLIENT_CREDENTIALS or not extra.get("token_endpoint"):
        raise ConfigurationError(
            "authenticator oauth needs token, or grant_type client_credentials with token_endpoint,"
            " in the connection's extra"
        )
    for name in ("user", "password"):
        given.pop(name, None)
    scope = {"oauth_scope": extra["scope"]} if extra.get("scope") else {}
    return {
        **given,
        **scope,
        "authenticator": "OAUTH_CLIENT_CREDENTIALS",
        "oauth_client_id": connection.login,
        "oauth_client_secret": connection.password,
        "oauth_token_request_url": extra["token_endpoint"],
    }
