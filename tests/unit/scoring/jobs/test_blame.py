"""What the data-log says of an object, and what it does not."""

import pytest

from batch_transform.scoring.jobs.blame import NOTHING_KNOWN, Blame, Cause, blames

HEAD = "2020-10-14T04:08:19.163:[sagemaker logs]: bucket/runs/input"
A, B, C = "part-00000.csv", "part-00001.csv", "part-00002.csv"


def log(*lines):
    return [f"{HEAD}/{name}: {text}" for name, text in lines]


@pytest.mark.parametrize(
    ("text", "cause", "status"),
    [
        ("ClientError: 400", Cause.RECORD, "400"),
        ("ClientError: 413", Cause.SIZE, "413"),
        ("ClientError: 429", Cause.SERVER, "429"),
        ("AlgorithmError: 500", Cause.SERVER, "500"),
        ("Bad HTTP status returned from invoke: 415", Cause.RECORD, "415"),
        ("Bad HTTP status received from algorithm: 503", Cause.SERVER, "503"),
        ("Unable to get response from algorithm", Cause.SILENCE, ""),
        ("Model server did not respond to /invocations request within 9 s", Cause.TIMEOUT, ""),
        ("Fail to join data: mismatched line count between the input", Cause.COUNT, ""),
        ("Failed to parse line: '1,\"' as CSV: bare \" in non quoted field", Cause.RECORD, ""),
        ('Failed to parse input as CSV: bare " in non quoted field', Cause.RECORD, ""),
        ("Invalid JsonPath: $[0:2,246:]: only single range filters", Cause.RECORD, ""),
        ("Too many objects failed", Cause.OTHER, ""),
        ("ClientErr", Cause.OTHER, ""),
        ("ClientError: 4", Cause.OTHER, ""),
        ("", Cause.OTHER, ""),
        ("Message:", Cause.OTHER, ""),
    ],
)
def test_a_line_is_a_cause_and_what_nobody_knows_is_no_records_fault(text, cause, status):
    (blame,) = blames([log((A, text))], [A]).values()
    assert (blame.cause, blame.status) == (cause, status)


def test_the_containers_own_words():
    lines = log((A, "ClientError: 400"), (A, ""), (A, "Message:"), (A, "no"), (A, "really\0 no "))
    assert blames([lines], [A]) == {
        A: Blame(cause=Cause.RECORD, status="400", message="no\nreally no")
    }


def test_where_the_container_has_no_words_the_services_first_line_is_the_message():
    lines = log((A, "ClientError: 400"), (A, "Message:"), (A, " "))
    assert blames([lines], [A])[A].message == "ClientError: 400"


def test_an_object_that_no_line_names_has_no_blame():
    lines = [*log((A, "ClientError: 400"), (B, "ClientError: 400")), f"{HEAD[:60]}", "noise"]
    assert set(blames([lines, []], [A, C])) == {A}
    assert NOTHING_KNOWN.cause is Cause.UNKNOWN


def test_only_the_first_that_an_end_takes_along_may_be_why():
    end = "Unable to get response from algorithm"
    found = blames([log((A, end), (B, end)), log((C, end))], [A, B, C])
    assert {name: blame.cause for name, blame in found.items()} == {
        A: Cause.SILENCE,
        B: Cause.BYSTANDER,
        C: Cause.SILENCE,
    }


@pytest.mark.parametrize(
    ("blame", "text"),
    [
        (NOTHING_KNOWN, "nothing is said of it"),
        (Blame(cause=Cause.SIZE), "a request was too large for the container"),
        (Blame(cause=Cause.SERVER, status="500"), "the container answered 5xx: 500"),
        (
            Blame(cause=Cause.RECORD, status="400", message="no"),
            "the model refused a record: 400 no",
        ),
    ],
)
def test_what_a_person_reads(blame, text):
    assert str(blame) == text


@pytest.mark.parametrize(
    ("texts", "message"), [([""], ""), (["", "\0 "], ""), (["Message:", ""], "Message:")]
)
def test_where_nothing_is_said_there_are_no_words_of_ours(texts, message):
    (blame,) = blames([log(*((A, text) for text in texts))], [A]).values()
    assert blame.message == message
