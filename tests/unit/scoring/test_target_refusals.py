"""What a warehouse says of a load that it refuses, as an error that says what to do."""

import pytest
from pyiceberg.exceptions import ForbiddenError, NoSuchNamespaceError, RESTError

from batch_transform.scoring.aws.data_api import StatementFailed
from batch_transform.scoring.errors import TargetLocked, TargetRefused, Unreachable
from batch_transform.scoring.pipeline import Target
from batch_transform.scoring.snowflake.snowflake_session import StatementRefused
from batch_transform.scoring.warehouse import redshift_refusals, snowflake_refusals
from batch_transform.scoring.warehouse.iceberg import iceberg_refusals

TARGET = Target(conn_id="warehouse", table="predictions.apples", partition_column="day")


def failed(words, status="FAILED"):
    return StatementFailed({"Id": "statement-1", "Status": status, "Error": words})


@pytest.mark.parametrize(
    ("failure", "error", "said"),
    [
        (failed("", "ABORTED"), TargetRefused, "statement-1 was stopped by somebody; nothing was"),
        (
            failed("Redshift is currently unavailable"),
            Unreachable,
            "Redshift failed while predictions.apples was loaded; nothing was changed. It said: R",
        ),
        (
            failed("permission denied for schema predictions"),
            TargetRefused,
            "lacks a privilege for predictions.apples; docs/redshift.md lists the grants; nothing",
        ),
        (
            failed("value too long"),
            TargetRefused,
            "Redshift refuses to load predictions.apples; nothing was changed. It said: value too",
        ),
    ],
)
def test_redshifts_words_say_whether_to_wait_to_grant_or_to_clear(failure, error, said):
    with pytest.raises(error) as refusal, redshift_refusals.refusals(TARGET):
        raise failure
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("refused", "error", "said"),
    [
        (
            StatementRefused("canceled", is_stopped=True),
            TargetRefused,
            "A statement that loads predictions.apples was stopped by somebody; nothing was",
        ),
        (
            StatementRefused("Statement 'x' has locked table 'APPLES' in transaction"),
            TargetLocked,
            "Others hold predictions.apples; nothing was changed. It said: Statement 'x' has loc",
        ),
        (
            StatementRefused("Insufficient privileges to operate on table"),
            TargetRefused,
            "docs/snowflake.md lists the grants; nothing was changed. It said: Insufficient",
        ),
        (
            StatementRefused("String is too long"),
            TargetRefused,
            "Snowflake refuses to load predictions.apples; nothing was changed. It said: String",
        ),
    ],
)
def test_snowflakes_words_say_whether_to_wait_to_grant_or_to_clear(refused, error, said):
    with pytest.raises(error) as refusal, snowflake_refusals.refusals(TARGET):
        raise refused
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("raised", "error", "said"),
    [
        (
            NoSuchNamespaceError("gone"),
            TargetRefused,
            "The catalog has no namespace predictions, and none is made; create it, or name",
        ),
        (ForbiddenError("no"), TargetRefused, "docs/iceberg.md lists the grants. It said: no"),
        (RESTError("500"), Unreachable, "The catalog of predictions.apples gives no answer: 500"),
        (
            OSError("AWS Error ACCESS_DENIED during PutObject"),
            TargetRefused,
            "docs/iceberg.md lists the grants. It said: AWS Error ACCESS_DENIED",
        ),
        (
            OSError("AWS Error NETWORK_CONNECTION during PutObject"),
            Unreachable,
            "S3 gives no answer about predictions.apples: AWS Error NETWORK_CONNECTION",
        ),
        (OSError("No space left on device"), OSError, "No space left on device"),
    ],
)
def test_a_catalogs_words_say_whether_to_wait_or_to_grant(raised, error, said):
    with pytest.raises(error) as refusal, iceberg_refusals.refusals(TARGET):
        raise raised
    assert said in str(refusal.value)
