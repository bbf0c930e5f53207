-- Statements of Redshift. Parts in braces become quoted names and values, spelt by the module that
-- fills them in. A check divides by zero where it fails, which takes back its whole transaction.

-- name: find_columns
-- The columns of the target and of the tables beside it; Redshift folds names to lower case.
SELECT lower(table_name), column_name, data_type, is_nullable, column_default
FROM information_schema.columns
WHERE lower(table_schema) = {schema} AND lower(table_name) IN ({names})
ORDER BY table_name, ordinal_position

-- name: create_target
CREATE TABLE IF NOT EXISTS {table} ({definition}) SORTKEY ({partition_column})

-- name: create_ledger
CREATE TABLE IF NOT EXISTS {ledger} (
    "load_id" bigint NOT NULL,
    "target" varchar(256) NOT NULL,
    "pipeline" varchar(256) NOT NULL,
    "partition" date NOT NULL,
    "digest" varchar(256) NOT NULL,
    "run_id" varchar(1024) NOT NULL,
    "job_name" varchar(256) NOT NULL,
    "model" varchar(256) NOT NULL,
    "source_rows" bigint NOT NULL,
    "oversized" bigint NOT NULL,
    "records" bigint NOT NULL,
    "quarantined" bigint NOT NULL,
    "quarantine" varchar(2048) NOT NULL,
    "rows" bigint NOT NULL,
    "loaded_at" timestamptz NOT NULL,
    "transform_jobs" bigint NOT NULL,
    "instance_type" varchar(256) NOT NULL,
    "instance_count" bigint NOT NULL,
    "transform_seconds" double precision,
    "profile" varchar(65535) NOT NULL,
    "findings" varchar(65535) NOT NULL,
    "snapshot_at" timestamptz
)

-- name: create_quarantine
CREATE TABLE IF NOT EXISTS {quarantine} (
    "target" varchar(256) NOT NULL,
    "pipeline" varchar(256) NOT NULL,
    "partition" date NOT NULL,
    "id" varchar(65535) NOT NULL,
    "shard" varchar(256) NOT NULL,
    "line" bigint NOT NULL,
    "status" varchar(256) NOT NULL,
    "reason" varchar(65535) NOT NULL,
    "attempt" varchar(1024) NOT NULL
)

-- name: create_turn
-- Never read and never written: loads of one target take turns by locking it.
CREATE TABLE IF NOT EXISTS {turn} ("nothing" integer)

-- name: add_column
ALTER TABLE {table} ADD COLUMN {column}

-- name: latest
-- The number of the entry in force, and the entry.
SELECT "load_id", {entry_columns}
FROM {ledger}
WHERE "target" = {target} AND "partition" = {partition}
ORDER BY "load_id" DESC
LIMIT 1

-- name: recent
-- The latest entry of each of the partitions before one, latest partition first.
SELECT "load_id", {entry_columns}
FROM (
    SELECT *, row_number() OVER (PARTITION BY "partition" ORDER BY "load_id" DESC) AS age
    FROM {ledger}
    WHERE "target" = {target} AND "pipeline" = {pipeline} AND "partition" < {partition}
) AS entries
WHERE age = 1
ORDER BY "partition" DESC
LIMIT {count}

-- name: lock_turn
LOCK {turn}

-- name: check_in_force
SELECT 1 / CASE WHEN coalesce(max("load_id"), 0) = {number} THEN 1 ELSE 0 END
FROM {ledger} WHERE "target" = {target} AND "partition" = {partition}

-- name: create_stage
CREATE TEMP TABLE {stage} ({typed_columns})

-- name: copy_rows
COPY {stage} FROM {manifest} IAM_ROLE {role} FORMAT AS PARQUET MANIFEST

-- name: check_rows
SELECT 1 / CASE WHEN count(*) = {count} THEN 1 ELSE 0 END FROM {stage}

-- name: check_ids
SELECT 1 / CASE WHEN count(*) = {count} THEN 1 ELSE 0 END
FROM (SELECT DISTINCT {ids} FROM {stage}) AS distinct_ids

-- name: delete_partition
DELETE FROM {table} WHERE {partition_column} = {partition}

-- name: insert_rows
INSERT INTO {table} ({partition_column}, {columns})
SELECT {partition}, {columns} FROM {stage}

-- name: check_partition
SELECT 1 / CASE WHEN count(*) = {count} THEN 1 ELSE 0 END
FROM {table} WHERE {partition_column} = {partition}

-- name: delete_quarantine
DELETE FROM {quarantine} WHERE "target" = {target} AND "partition" = {partition}

-- name: copy_quarantine
COPY {quarantine} FROM {manifest} IAM_ROLE {role} FORMAT AS PARQUET MANIFEST

-- name: write_entry
INSERT INTO {ledger} ("load_id", "target", {entry_columns})
SELECT coalesce(max("load_id"), 0) + 1, {target}, {values}
FROM {ledger} WHERE "target" = {target} AND "partition" = {partition}

-- name: refresh_entry
UPDATE {ledger} SET "snapshot_at" = {snapshot_at}
WHERE "target" = {target} AND "partition" = {partition} AND "load_id" = {number}

-- name: count_partition
SELECT count(*) FROM {table} WHERE {partition_column} = {partition}

-- name: count_altered
-- How many of the rows the partition does not hold as they are.
SELECT count(*)
FROM (
    SELECT {columns} FROM {stage}
    EXCEPT
    SELECT {columns} FROM {table} WHERE {partition_column} = {partition}
) AS altered

-- name: select_partition
SELECT {values} FROM {table} WHERE {partition_column} = {partition}

-- name: unload_partition
UNLOAD ({query}) TO {prefix} IAM_ROLE {role} FORMAT AS PARQUET MANIFEST VERBOSE
