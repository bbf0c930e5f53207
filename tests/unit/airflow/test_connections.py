"""Clients of AWS from an Airflow connection."""

from concurrent.futures import ThreadPoolExecutor

import botocore.session
import pytest
from botocore.config import Config
from botocore.loaders import JSONFileLoader, create_loader

from batch_transform import one_session
from batch_transform.connections import Aws
from batch_transform.one_session import OneSession
from batch_transform.report import app as pages
from batch_transform.scoring.deployment import Deployment
from tests.unit.airflow.conftest import ROOT

CONNECTION = "AIRFLOW_CONN_AWS_DEFAULT"
SERVICES = ("s3", "sagemaker", "logs", "s3")


def spelt(region="eu-west-1"):
    extra = f'{{"region_name": "{region}", "endpoint_url": "http://127.0.0.1:9"}}'
    return f'{{"conn_type": "aws", "login": "somebody", "password": "s3cret", "extra": {extra}}}'


@pytest.fixture(autouse=True)
def connection(monkeypatch):
    monkeypatch.setenv(CONNECTION, spelt())


def test_clients_of_several_threads_share_a_session_and_its_credentials():
    session, config = OneSession("aws_default"), Config(connect_timeout=3)
    with ThreadPoolExecutor() as pool:
        clients = list(pool.map(lambda service: session.client(service, config), SERVICES))
    assert tuple(client.meta.service_model.service_name for client in clients) == SERVICES
    assert len({id(client._request_signer._credentials) for client in clients}) == 1
    for client in clients:
        assert client.meta.region_name == "eu-west-1"
        assert client.meta.endpoint_url == "http://127.0.0.1:9"
        assert client.meta.config.connect_timeout == 3


def test_requests_say_that_this_package_makes_them():
    client = OneSession("aws_default").client("s3", Config())
    assert "Caller/BatchTransform" in client.meta.config.user_agent_extra.split()


def test_a_patient_and_a_hurried_client_share_what_is_read_about_aws(monkeypatch):
    read = []
    load = JSONFileLoader.load_file
    monkeypatch.setattr(
        JSONFileLoader, "load_file", lambda self, path: read.append(path) or load(self, path)
    )
    monkeypatch.setattr(botocore.session, "create_loader", create_loader)  # not the tests' own
    monkeypatch.setattr(one_session, "_loaders", [])
    aws = Aws("aws_default")
    patient, hurried = aws.client("sagemaker"), aws.hurried().client("sagemaker")
    assert patient.meta.config.read_timeout > hurried.meta.config.read_timeout
    descriptions = [path for path in read if "service-2" in path]
    assert len(descriptions) == len(set(descriptions)) > 0
    before = len(read)
    Aws("aws_default").client("sagemaker")
    assert len(read) == before, "another session reads nothing again"


def clients_of_a_page():
    """What a page is given, once the connection may have changed."""
    pages._connection.cache_clear()
    return pages.aws(Deployment(root=ROOT))


def test_pages_keep_their_clients_until_the_connection_is_another(monkeypatch):
    first = clients_of_a_page()
    assert isinstance(first, Aws)
    assert clients_of_a_page() is first
    monkeypatch.setenv(CONNECTION, spelt("us-west-2"))
    second = clients_of_a_page()
    assert second is not first
    monkeypatch.delenv(CONNECTION)
    assert clients_of_a_page() not in (first, second)
