"""What Snowflake's connector is called with, of an Airflow connection."""

import base64
import json

import pytest
from airflow.sdk import Connection
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from batch_transform.scoring.errors import AccessRefused, ConfigurationError, Unreachable
from batch_transform.snowflake_connection import parameters, snowflake_session

PASSPHRASE = "open sesame"


def connection(extra, **fields):
    given = {"login": "me", "password": "secret", "schema": "PUBLIC", **fields}
    return Connection(conn_id="mart", conn_type="snowflake", extra=json.dumps(extra), **given)


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key, passphrase=None):
    protection = serialization.NoEncryption()
    if passphrase:
        protection = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection
    ).decode()


def der(key):
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def test_a_user_and_a_password():
    extra = {"account": "org-account", "warehouse": "LOADING", "role": "LOADER", "region": None}
    assert parameters(connection(extra)) == {
        "account": "org-account",
        "warehouse": "LOADING",
        "role": "LOADER",
        "user": "me",
        "password": "secret",
        "schema": "PUBLIC",
    }


def test_a_key_pair_in_a_file():
    extra = {"account": "org-account", "private_key_file": "/secrets/key.p8"}
    assert parameters(connection(extra, password=PASSPHRASE, schema=None)) == {
        "account": "org-account",
        "user": "me",
        "authenticator": "SNOWFLAKE_JWT",
        "private_key_file": "/secrets/key.p8",
        "private_key_file_pwd": PASSPHRASE,
    }


@pytest.mark.parametrize("is_encoded", [True, False])
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_a_key_pair_in_the_connection(key, is_encoded, passphrase):
    content = pem(key, passphrase)
    if is_encoded:
        content = base64.b64encode(content.encode()).decode()
    made = parameters(connection({"private_key_content": content}, password=passphrase))
    assert (made["private_key"], made["authenticator"]) == (der(key), "SNOWFLAKE_JWT")
    assert "password" not in made


@pytest.mark.parametrize("content", ["no key", base64.b64encode(b"no key").decode()])
def test_what_is_no_key_is_refused(content):
    with pytest.raises(ConfigurationError, match="private_key_content is no private key in PEM"):
        parameters(connection({"private_key_content": content}))


def test_oauth_by_a_token():
    made = parameters(connection({"authenticator": "oauth", "token": "abc"}))
    assert (made["token"], made["authenticator"]) == ("abc", "oauth")
    assert "password" not in made


def test_oauth_by_the_credentials_of_a_client():
    extra = {
        "authenticator": "oauth",
        "grant_type": "client_credentials",
        "token_endpoint": "https://idp/token",
        "scope": "session:role:LOADER",
    }
    assert parameters(connection(extra, schema=None)) == {
        "authenticator": "OAUTH_CLIENT_CREDENTIALS",
        "oauth_client_id": "me",
        "oauth_client_secret": "secret",
        "oauth_token_request_url": "https://idp/token",
        "oauth_scope": "session:role:LOADER",
    }


@pytest.mark.parametrize(
    "extra", [{"authenticator": "oauth"}, {"grant_type": "password", "token_endpoint": "https://x"}]
)
def test_any_other_oauth_is_refused(extra):
    with pytest.raises(ConfigurationError, match="needs token, or grant_type client_credentials"):
        parameters(connection(extra))


def test_a_connection_of_another_kind_is_refused(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_MART", json.dumps({"conn_type": "postgres"}))
    with pytest.raises(ConfigurationError, match="'mart' is postgres, not Snowflake"):
        snowflake_session("mart").__enter__()


@pytest.mark.parametrize(
    ("raised", "error"),
    [("OperationalError", Unreachable), ("DatabaseError", AccessRefused)],
)
def test_who_is_refused_and_who_gets_no_answer(monkeypatch, raised, error):
    from snowflake import connector

    def connect(**_):
        raise getattr(connector.errors, raised)("no")

    monkeypatch.setattr(connector, "connect", connect)
    monkeypatch.setenv("AIRFLOW_CONN_MART", json.dumps({"conn_type": "snowflake"}))
    with pytest.raises(error, match="Connection 'mart': Snowflake"):
        snowflake_session("mart").__enter__()
