"""A session of Snowflake's, where its connector answers as the stand-in never does."""

from contextlib import contextmanager, nullcontext
from enum import Enum

import pytest
from snowflake.connector import errors as connector

from batch_transform.scoring.errors import AccessRefused, ConfigurationError, Unreachable
from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.snowflake.snowflake_session import (
    Session,
    StatementRefused,
    StatementsOfOthers,
)
from batch_transform.scoring.snowflake.snowflake_stage import ExternalStage


class Status(Enum):
    """As the connector names them."""

    RUNNING = 0
    ABORTING = 1
    FAILED_WITH_ERROR = 2
    SUCCESS = 3


class Connection:
    """A connection whose statements end as a test says, and have these rows."""

    def __init__(self, status=Status.SUCCESS, rows=(), error=None):
        self.status, self.rows, self.error = status, list(rows), error

    @contextmanager
    def cursor(self):
        yield self

    def execute(self, statement):
        if self.error is not None:
            raise self.error

    def fetchall(self):
        return self.rows

    def get_query_status(self, statement):
        return self.status

    def is_an_error(self, status):
        return status is Status.FAILED_WITH_ERROR

    def get_query_status_throw_if_error(self, statement):
        raise connector.ProgrammingError(msg="Division by zero", errno=100051, sfqid=statement)

    def get_results_from_sfqid(self, statement):
        pass


def test_a_statement_has_rows_once_it_is_over():
    assert Session(Connection(Status.RUNNING)).look("01") is None
    assert Session(Connection(Status.SUCCESS, rows=[(1,)])).look("01") == [(1,)]


def test_a_statement_that_somebody_stops_says_so_before_it_has_ended():
    with pytest.raises(StatementRefused, match="it was cancelled") as refusal:
        Session(Connection(Status.ABORTING)).look("01")
    assert (refusal.value.is_stopped, refusal.value.statement) == (True, "01")


def test_a_statement_that_fails_has_snowflakes_own_words():
    with pytest.raises(StatementRefused, match="Division by zero") as refusal:
        Session(Connection(Status.FAILED_WITH_ERROR)).look("01")
    assert (refusal.value.is_stopped, refusal.value.statement) == (False, "01")


@pytest.mark.parametrize(
    ("error", "ours", "said"),
    [
        (connector.ForbiddenError(msg="403"), AccessRefused, "Snowflake does not let us in: "),
        (connector.TokenExpiredError(msg="old"), AccessRefused, "Snowflake does not let us in: "),
        (connector.OperationalError(msg="no route"), Unreachable, "Snowflake does not answer: "),
    ],
)
def test_what_the_connector_raises_says_whether_to_try_again(error, ours, said):
    with pytest.raises(ours, match=said):
        Session(Connection(error=error)).run("SELECT 1")


def test_a_statement_of_others_that_is_over_by_now_is_not_stopped():
    over = connector.ProgrammingError(msg="Identified SQL statement is not currently executing.")
    session = Session(Connection(error=over))
    StatementsOfOthers(lambda: nullcontext(session)).cancel("01")
    with pytest.raises(StatementRefused, match="not currently executing"):
        session.cancel("01")


def stage_at(url):
    rows = [("STAGE_LOCATION", "URL", "String", url, "")]
    return ExternalStage.found(Session(Connection(rows=rows)), "runs")


@pytest.mark.parametrize("url", ['["s3://bucket/runs/"]', "s3://bucket/runs", "s3://bucket/runs/"])
def test_a_stage_lies_where_snowflake_says_however_it_is_written(url):
    assert stage_at(url).path(S3Uri("bucket", "runs/apples")) == "apples"


@pytest.mark.parametrize(
    ("url", "where"),
    [("", "Snowflake itself"), ('["azure://account/runs"]', "azure://account/runs")],
)
def test_a_stage_that_lies_in_no_s3_is_refused(url, where):
    with pytest.raises(ConfigurationError, match=f"Stage runs lies in {where}; name an external"):
        stage_at(url)
