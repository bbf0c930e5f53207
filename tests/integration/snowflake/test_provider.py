"""Airflow's provider of Snowflake, in a Python of its own: what a connection's fields mean."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.project import PROJECT

pytestmark = pytest.mark.slow
UV = Path(sys.executable).with_name("uv")
# Prints, of each connection, what the provider would call the connector with, and what we would.
PROGRAM = """
import json, sys
from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook
from airflow.sdk import BaseHook
from batch_transform.snowflake_connection import parameters

def shown(found):
    return {name: each.hex() if isinstance(each, bytes) else each for name, each in found.items()}

for name in sys.argv[1:]:
    theirs = SnowflakeHook(snowflake_conn_id=name)._get_conn_params()
    print("FOUND", json.dumps([shown(theirs), shown(parameters(BaseHook.get_connection(name)))]))
"""
PASSPHRASE = "open sesame"
PLACE = {
    "account": "org-account",
    "database": "ANALYTICS",
    "warehouse": "LOADING",
    "role": "LOADER",
    "session_parameters": {"STATEMENT_TIMEOUT_IN_SECONDS": 3600},
    "proxy_host": "proxy",
    "proxy_port": 8080,
}


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    folder = tmp_path_factory.mktemp("provider") / "venv"
    pins = Path(__file__).with_name("provider.txt")
    interpreter = folder / "bin" / "python"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    install = [UV, "pip", "sync", "--quiet", "--python", interpreter, pins]
    subprocess.run(install, check=True)
    return interpreter


def key():
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    protection = serialization.BestAvailableEncryption(PASSPHRASE.encode())
    pem = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection
    )
    return base64.b64encode(pem).decode()


def test_fields_mean_what_they_mean_to_the_provider(python, tmp_path):
    fields = {"conn_type": "snowflake", "login": "me", "schema": "PUBLIC"}
    connections = {
        "PASSWORD": {**fields, "password": "secret", "extra": PLACE},
        "KEY": {**fields, "password": PASSPHRASE, "extra": {**PLACE, "private_key_content": key()}},
    }
    foreign = ("AIRFLOW", "PYTHON")
    inherited = {name: os.environ[name] for name in os.environ if not name.startswith(foreign)}
    given = {f"AIRFLOW_CONN_{name}": json.dumps(each) for name, each in connections.items()}
    home = {"AIRFLOW_HOME": str(tmp_path), "PYTHONPATH": str(PROJECT / "plugins")}
    done = subprocess.run(
        [python, "-c", PROGRAM, *map(str.lower, connections)],
        env={**inherited, **given, **home},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    found = [json.loads(line.removeprefix("FOUND ")) for line in lines]
    assert len(found) == len(connections)
    for theirs, ours in found:
        ways = theirs.pop("authenticator"), ours.pop("authenticator", "snowflake")
        assert ways in {("snowflake", "snowflake"), ("snowflake", "SNOWFLAKE_JWT")}
        assert ours == {name: theirs[name] for name in ours}
        assert {name for name in theirs if theirs[name]} - set(ours) == {"application"}
