"""What people read in a task's log: lines that fit, errors without tracebacks, and no noise."""

import pytest
import structlog
from airflow.sdk.exceptions import AirflowFailException
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import CapturingLogger

from batch_transform.failures import no_retry
from batch_transform.scoring.errors import SourceError, Unreachable
from batch_transform.task_log import WIDTH, lines_of, tidy

OURS = "airflow.task.operators.batch_transform.operators.load.LoadOperator"


@pytest.fixture
def log():
    """The log of a task: Airflow's order of processors, and what comes out of them."""
    config = structlog.get_config()
    written = []

    def named(name):
        logger = CapturingLogger()
        logger.name, logger.calls = name, written
        return logger

    structlog.configure(
        processors=[
            structlog.stdlib.add_logger_name,
            structlog.processors.add_log_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.ExceptionRenderer(),
        ],
        logger_factory=named,
        cache_logger_on_first_use=False,
    )
    yield lambda: [call.kwargs for call in written]
    structlog.configure(**config)


@given(text=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.just(" ")))
def test_no_line_is_longer_than_the_window_unless_it_is_one_word(text):
    lines = list(lines_of(text))
    assert all(len(line) <= WIDTH or " " not in line.strip() for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_what_goes_on_is_indented_like_its_beginning():
    lines = list(lines_of("one\n  " + "word " * 40 + "\n"))
    assert lines[0] == "one"
    assert len(lines) == 4
    assert all(line.startswith("  word") for line in lines[1:])


def test_a_long_message_of_ours_becomes_several_events(log):
    tidy()
    structlog.get_logger(OURS).warning("%s is much", "word " * 40)
    structlog.get_logger("boto3").warning("%s is much", "word " * 40)
    mine = [each for each in log() if each["logger"] == OURS]
    others = [each for each in log() if each["logger"] == "boto3"]
    assert [len(each["event"]) <= WIDTH for each in mine] == [True, True, True]
    assert {each["level"] for each in mine} == {"warning"}
    assert mine[-1]["event"].endswith("is much")
    assert len(others) == 1, "others' lines are theirs"


def test_to_tidy_again_changes_nothing(log):
    tidy()
    tidy()
    structlog.get_logger(OURS).info("once")
    assert [each["event"] for each in log()] == ["once"]


def test_credentials_are_not_spoken_of(log):
    tidy()
    structlog.get_logger("aws").info(
        "AWS Connection (conn_id='x') credentials retrieved from login and password."
    )
    assert log() == []


@pytest.mark.parametrize(
    ("error", "raised"), [(SourceError, AirflowFailException), (Unreachable,) * 2]
)
def test_an_error_of_ours_is_said_once_and_without_a_traceback(log, error, raised):
    try:
        with no_retry():
            raise error("Row 3 has no id. Give it one, or leave it out in features.sql")
    except raised:
        structlog.get_logger("task").exception("Task failed with exception")  # as Airflow does
    said, more, failed = log()
    assert more["event"] == f"More: docs/operating.md#{error.__name__.lower()}"
    assert (said["level"], said["event"].startswith("Row 3 has no id.")) == ("error", True)
    assert failed["event"].startswith("The task failed; the lines above say why")
    assert not {"exception", "exc_info"} & set(failed)


def test_any_other_error_keeps_its_traceback(log):
    try:
        with no_retry():
            raise KeyError("x")
    except KeyError:
        structlog.get_logger("task").exception("Task failed with exception")
    (failed,) = log()
    assert "Traceback" in failed["exception"]
