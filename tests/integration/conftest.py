"""The pipelines of the unit tests, on a real database."""

import psycopg
import pytest

from tests.unit.scoring.conftest import (  # noqa: F401
    layout,
    make_file_pipeline,
    make_jsonl_pipeline,
    make_pipeline,
    objects,
    partition,
)


@pytest.fixture
def connection(database):
    with psycopg.connect(database) as opened:
        opened.execute("CREATE SCHEMA predictions")
        opened.commit()
        yield opened
