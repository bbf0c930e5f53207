-- Statements of Snowflake. Parts in braces become quoted names and values, spelt by the module that
-- fills them in. What changes rows does so in the load's transaction or not at all: where Snowflake
-- has aborted it, as it may when others wait for it, CURRENT_TRANSACTION() is another.
-- https://docs.snowflake.com/en/sql-reference/transactions

-- name: set_session
ALTER SESSION SET AUTOCOMMIT = TRUE TIMEZONE = 'UTC' LOCK_TIMEOUT = 600 QUOTED_IDENTIFIERS_IGNORE_CASE = FALSE

-- name: use_schema
USE SCHEMA {schema}

-- name: find_columns
-- The columns of the target and of the tables beside it.
SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, NUMERIC_SCALE, IS_NULLABLE, COLUMN_DEFAULT
FROM INFORMATION_SCHEMA.COLUMNS
WHERE TABLE_SCHEMA = CURRENT_SCHEMA() AND TABLE_NAME IN ({names})
ORDER BY TABLE_NAME, ORDINAL_POSITION

-- name: create_target
CREATE TABLE IF NOT EXISTS {table} ({definition})

-- name: create_ledger
CREATE TABLE IF NOT EXISTS {ledger} (
    "LOAD_ID" number(38, 0) NOT NULL,
    "TARGET" varchar NOT NULL,
    "PIPELINE" varchar NOT NULL,
    "PARTITION" date NOT NULL,
    "DIGEST" varchar NOT NULL,
    "RUN_ID" varchar NOT NULL,
    "JOB_NAME" varchar NOT NULL,
    "MODEL" varchar NOT NULL,
    "SOURCE_ROWS" number(38, 0) NOT NULL,
    "OVERSIZED" number(38, 0) NOT NULL,
    "RECORDS" number(38, 0) NOT NULL,
    "QUARANTINED" number(38, 0) NOT NULL,
    "QUARANTINE" varchar NOT NULL,
    "ROWS" number(38, 0) NOT NULL,
    "LOADED_AT" timestamp_tz NOT NULL,
    "TRANSFORM_JOBS" number(38, 0) NOT NULL,
    "INSTANCE_TYPE" varchar NOT NULL,
    "INSTANCE_COUNT" number(38, 0) NOT NULL,
    "TRANSFORM_SECONDS" float,
    "PROFILE" varchar NOT NULL,
    "FINDINGS" varchar NOT NULL,
    "SNAPSHOT_AT" timestamp_tz
)

-- name: create_quarantine
CREATE TABLE IF NOT EXISTS {quarantine} ({quarantine_columns})

-- name: create_turn
-- Its one row is never read: loads of one target take turns by updating it.
CREATE TABLE IF NOT EXISTS {turn} AS SELECT 0 AS "TURNS"

-- name: add_column
ALTER TABLE {table} ADD COLUMN {column}

-- name: latest
-- The number of the entry in force, and the entry.
SELECT "LOAD_ID", {entry_columns}
FROM {ledger}
WHERE "TARGET" = {target} AND "PARTITION" = {partition}
ORDER BY "LOAD_ID" DESC
LIMIT 1

-- name: recent
-- The latest entry of each of the partitions before one, latest partition first.
SELECT "LOAD_ID", {entry_columns}
FROM {ledger}
WHERE "TARGET" = {target} AND "PIPELINE" = {pipeline} AND "PARTITION" < {partition}
QUALIFY row_number() OVER (PARTITION BY "PARTITION" ORDER BY "LOAD_ID" DESC) = 1
ORDER BY "PARTITION" DESC
LIMIT {count}

-- name: create_stage
-- Anew for each load: what was copied into a table is remembered for 64 days, and not copied again.
CREATE OR REPLACE TEMPORARY TABLE {stage} ({stage_columns})

-- name: copy_files
COPY INTO {stage} FROM @{place} FILES = ({files})
FILE_FORMAT = (TYPE = PARQUET) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE
ON_ERROR = ABORT_STATEMENT FORCE = TRUE

-- name: count_staged
SELECT count(*), (SELECT count(*) FROM (SELECT DISTINCT {ids} FROM {stage}) AS distinct_ids)
FROM {stage}

-- name: find_transactions
SHOW TRANSACTIONS

-- name: abort
SELECT SYSTEM$ABORT_TRANSACTION({number})

-- name: begin
BEGIN TRANSACTION NAME {name}

-- name: transaction
SELECT CURRENT_TRANSACTION()

-- name: take_turn
UPDATE {turn} SET "TURNS" = "TURNS" + 1

-- name: delete_partition
DELETE FROM {table} WHERE {partition_column} = {partition} AND CURRENT_TRANSACTION() = {transaction}

-- name: insert_rows
INSERT INTO {table} ({partition_column}, {columns})
SELECT {partition}, {columns} FROM {stage} WHERE CURRENT_TRANSACTION() = {transaction}

-- name: count_partition
SELECT count(*) FROM {table} WHERE {partition_column} = {partition}

-- name: delete_quarantine
DELETE FROM {quarantine}
WHERE "TARGET" = {target} AND "PARTITION" = {partition} AND CURRENT_TRANSACTION() = {transaction}

-- name: insert_quarantine
INSERT INTO {quarantine} SELECT * FROM {stage} WHERE CURRENT_TRANSACTION() = {transaction}

-- name: write_entry
INSERT INTO {ledger} ("LOAD_ID", "TARGET", {entry_columns})
SELECT coalesce(max("LOAD_ID"), 0) + 1, {target}, {values}
FROM {ledger} WHERE "TARGET" = {target} AND "PARTITION" = {partition}
HAVING CURRENT_TRANSACTION() = {transaction}

-- name: refresh_entry
UPDATE {ledger} SET "SNAPSHOT_AT" = {snapshot_at}
WHERE "TARGET" = {target} AND "PARTITION" = {partition} AND "LOAD_ID" = {number}
AND CURRENT_TRANSACTION() = {transaction}

-- name: commit
COMMIT

-- name: count_entry
-- Whether what was committed is there: it is not where the transaction was lost before its end.
SELECT count(*) FROM {ledger}
WHERE "TARGET" = {target} AND "PARTITION" = {partition}
AND "LOAD_ID" = {number} + 1 AND "DIGEST" = {digest}

-- name: rollback
ROLLBACK

-- name: count_altered
-- How many of the rows the partition does not hold as they are.
SELECT count(*)
FROM (
    SELECT {columns} FROM {stage}
    EXCEPT
    SELECT {columns} FROM {table} WHERE {partition_column} = {partition}
) AS altered

-- name: unload_partition
COPY INTO {location} FROM (SELECT {values} FROM {table} WHERE {partition_column} = {partition})
FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE
MAX_FILE_SIZE = 268435456 DETAILED_OUTPUT = TRUE
