"""What the stand-in for Snowflake does as Snowflake does, and what it refuses to know."""

import pytest
from moto import mock_aws

from local.snowflake import grammar
from local.snowflake.account import Account
from local.snowflake.answer import Refused
from local.snowflake.session import Session

COPY = (
    "COPY INTO {table} FROM @runs FILES = ('part-0.parquet') FILE_FORMAT = (TYPE = PARQUET)"
    " MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE ON_ERROR = ABORT_STATEMENT{force}"
)
UNLOAD = (
    "COPY INTO '@runs/' FROM (SELECT 1 AS \"n\", 'a' AS \"word\" UNION SELECT 2, 'b')\n"
    "{partition}FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE\n"
    "MAX_FILE_SIZE = 268435456 DETAILED_OUTPUT = TRUE"
)


@pytest.fixture
def account():
    import boto3

    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="lake")
        account = Account(client)
        yield account
        account.close()


@pytest.fixture
def run(account):
    """Run a statement in a session of its name, and return its rows."""
    sessions = {}

    def run(statement, session="first"):
        if session not in sessions:
            sessions[session] = Session(account)
        work = account.begin("")
        answer = sessions[session].execute(statement, work)
        return answer.result.get("rowset", answer.total)

    run("CREATE STAGE runs URL = 's3://lake/'")
    return run


@pytest.mark.parametrize(
    "statement",
    [
        "COPY INTO t FROM 's3://lake/'",
        COPY.format(table="t", force="") + " PURGE = TRUE",
        "COPY INTO '@runs/' FROM (SELECT 1) FILE_FORMAT = (TYPE = CSV)",
        "ALTER SESSION SET WEEK_START = 1",
    ],
)
def test_what_is_not_known_is_refused(run, statement):
    with pytest.raises(Refused, match="the stand-in does not know"):
        run(statement)


def test_a_thousand_files_may_be_named_and_no_more():
    files = ", ".join(f"'{number}'" for number in range(1001))
    with pytest.raises(grammar.Unknown, match="at most 1000"):
        grammar.copy_of(COPY.format(table="t", force="").replace("'part-0.parquet'", files))


def test_a_table_remembers_what_was_copied_unless_it_is_new_or_forced(run, account):
    run(UNLOAD.format(partition=""))
    (key,) = [each["Key"] for each in account._client.list_objects_v2(Bucket="lake")["Contents"]]
    copy = COPY.replace("part-0.parquet", key)
    run("CREATE OR REPLACE TABLE words (n BIGINT, word VARCHAR)")
    plain, forced = (copy.format(table="words", force=force) for force in ("", " FORCE = TRUE"))
    assert [run(each)[0][1:] for each in (plain, plain, forced)] == [
        ["LOADED", "2", "2"],
        ["LOAD_SKIPPED", "0", "0"],
        ["LOADED", "2", "2"],
    ]
    run("CREATE OR REPLACE TABLE words (n BIGINT, word VARCHAR)")
    assert run(plain)[0][1] == "LOADED"


def test_an_unload_tells_of_each_file_in_the_folder_of_its_partition(run):
    told = run(UNLOAD.format(partition="PARTITION BY ('slice=' || CAST(\"n\" AS VARCHAR)) "))
    assert [(name.partition("/")[0], rows) for name, _, rows in told] == [
        ("slice=1", "1"),
        ("slice=2", "1"),
    ]


def test_ddl_commits_what_is_open(run):
    run("CREATE TABLE words (n BIGINT)")
    run("BEGIN TRANSACTION NAME a")
    run("INSERT INTO words SELECT 1")
    assert run("SELECT * FROM words", "second") == 0
    run("CREATE TABLE others (n BIGINT)")
    assert run("SELECT * FROM words", "second") == 1
    assert run("SHOW TRANSACTIONS") == []


def test_a_transaction_that_is_aborted_leaves_its_session_in_none(run):
    run("CREATE TABLE words (n BIGINT)")
    run("BEGIN TRANSACTION NAME a")
    ((number,),) = run("SELECT CURRENT_TRANSACTION()")
    run("INSERT INTO words SELECT 1")
    run(f"SELECT SYSTEM$ABORT_TRANSACTION({number})", "second")
    assert run("SELECT CURRENT_TRANSACTION()") == [[None]]
    run("INSERT INTO words SELECT 2")
    assert run("SELECT * FROM words", "second") == 1, "which commits by itself"


def test_a_statement_that_comes_again_means_tables_as_they_are_then(run):
    looks = "SELECT * FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'OTHERS'"
    found = []
    for columns in ("n BIGINT", "n BIGINT, word VARCHAR"):
        run(f"CREATE OR REPLACE TABLE words ({columns})")
        run("CREATE OR REPLACE TABLE others AS SELECT * FROM words")
        found.append(run(looks))
    assert found == [1, 2]


def test_a_statement_that_comes_again_is_in_the_transaction_that_is_open(run):
    run("CREATE TABLE words (n BIGINT)")
    for _ in range(2):
        run("BEGIN TRANSACTION NAME a")
        ((number,),) = run("SELECT CURRENT_TRANSACTION()")
        for mine in (number, "0"):
            run(f"INSERT INTO words SELECT 1 WHERE CURRENT_TRANSACTION() = '{mine}'")
        run("COMMIT")
    assert run("SELECT * FROM words") == 2


def test_an_account_that_is_emptied_is_as_new(run, account):
    run("CREATE SCHEMA predictions")
    run("CREATE TABLE PUBLIC.words (n BIGINT)")
    run("BEGIN TRANSACTION NAME a", "second")
    run("INSERT INTO PUBLIC.words SELECT 1", "second")
    account.empty()
    assert run("SHOW TRANSACTIONS") == []
    for statement in (
        "CREATE STAGE runs URL = 's3://lake/'",
        "CREATE SCHEMA predictions",
        "CREATE TABLE PUBLIC.words (n BIGINT)",
    ):
        run(statement, "third")
    assert run("SELECT * FROM PUBLIC.words", "third") == 0
