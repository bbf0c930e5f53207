"""What `make up` prints leads to what is up."""

import re
import subprocess

import psycopg

from local.airflow import command_line
from local.airflow_api import AirflowApi
from local.up import announce
from tests.e2e.conftest import FLIGHTS, sagemaker


def test_everything_is_where_up_says(laptop, capsys):
    announce(laptop.stack)
    said = capsys.readouterr().out
    airflow, password = re.search(r"Airflow +(\S+) +user admin, password (\S+)", said).groups()
    api = AirflowApi.log_in(airflow, "admin", password)
    with api.client:
        assert FLIGHTS in api.dag_ids()
    (aws,) = re.findall(r"AWS +(\S+)", said)
    assert sagemaker(aws).list_models(NameContains="flight-delay")["Models"]
    (dsn,) = re.findall(r"psql '(.*)'", said)
    with psycopg.connect(dsn) as warehouse:
        assert warehouse.execute("SELECT count(*) FROM source.flights").fetchone()[0] > 300_000


def test_its_command_line_is_airflows(laptop):
    home = laptop.stack.airflow.settings.home
    argv, env = command_line(home, ["dags", "list", "--output", "plain"])
    listed = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
    assert FLIGHTS in listed.stdout
