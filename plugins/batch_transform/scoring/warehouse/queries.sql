-- Statements of PostgreSQL. Parts in braces become quoted identifiers and literals.

-- name: has_table
SELECT to_regclass({name}) IS NOT NULL

-- name: find_columns
-- The columns of a table, in order; no row where there is no such table.
SELECT attname, format_type(atttypid, atttypmod), attnotnull, atthasdef OR attidentity <> ''
FROM pg_attribute
WHERE attrelid = to_regclass({name}) AND attnum > 0 AND NOT attisdropped
ORDER BY attnum

-- name: add_column
ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column}

-- name: create_ledger
-- One row for each load of each partition of each target in the schema.
CREATE TABLE IF NOT EXISTS {ledger} (
    load_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target text NOT NULL,
    pipeline text NOT NULL,
    partition date NOT NULL,
    digest text NOT NULL,
    run_id text NOT NULL,
    job_name text NOT NULL,
    model text NOT NULL,
    source_rows bigint NOT NULL,
    oversized bigint NOT NULL,
    records bigint NOT NULL,
    quarantined bigint NOT NULL,
    quarantine text NOT NULL,
    rows bigint NOT NULL,
    loaded_at timestamptz NOT NULL,
    transform_jobs integer NOT NULL,
    instance_type text NOT NULL,
    instance_count integer NOT NULL,
    transform_seconds double precision,
    profile jsonb NOT NULL,
    findings jsonb NOT NULL,
    snapshot_at timestamptz
)

-- name: create_quarantine
-- The records of each partition of each target in the schema that are in no row of it.
CREATE TABLE IF NOT EXISTS {quarantine} (
    target text NOT NULL,
    pipeline text NOT NULL,
    partition date NOT NULL,
    id text[] NOT NULL,
    shard text NOT NULL,
    line bigint NOT NULL,
    status text NOT NULL,
    reason text NOT NULL,
    attempt text NOT NULL,
    PRIMARY KEY (target, partition, shard, line)
)

-- name: create_target
-- The target table on first use: one row for each record of each partition.
CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY ({key}))

-- name: create_partitioned_target
-- The target table on first use, with a table of its own for each date to come.
CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY ({key}))
PARTITION BY LIST ({partition_column})

-- name: in_force
-- The entry of the load that a partition holds.
SELECT {columns}
FROM {ledger}
WHERE target = {target} AND partition = {partition}
ORDER BY load_id DESC
LIMIT 1

-- name: recent
-- The latest entry of each of the partitions before one, latest partition first.
SELECT DISTINCT ON (partition) {columns}
FROM {ledger}
WHERE target = {target} AND pipeline = {pipeline} AND partition < {partition}
ORDER BY partition DESC, load_id DESC
LIMIT {count}

-- name: write_entry
INSERT INTO {ledger} (target, {columns}) VALUES ({target}, {values})

-- name: refresh_entry
-- The load in force was proven once more, by an extract that read the source later.
UPDATE {ledger} SET snapshot_at = {snapshot_at}
WHERE load_id = (SELECT max(load_id) FROM {ledger} WHERE target = {target} AND partition = {partition})

-- name: delete_quarantine
DELETE FROM {quarantine} WHERE target = {target} AND partition = {partition}

-- name: write_quarantine
INSERT INTO {quarantine} (target, pipeline, partition, id, shard, line, status, reason, attempt)
SELECT {target}, {pipeline}, {partition}, id, shard, line, status, reason, {attempt}
FROM jsonb_to_recordset({records}) AS record (
    id text[], shard text, line bigint, status text, reason text
)

-- name: lock
-- Held until the transaction ends: loads that make the same table take turns.
SELECT pg_advisory_xact_lock(hashtextextended({name}, 0))

-- name: lock_session
-- Held until it is given back or the connection ends: loads that name the same thing take turns,
-- others do not wait.
SELECT pg_advisory_lock(hashtextextended({name}, 0))

-- name: unlock_session
SELECT pg_advisory_unlock(hashtextextended({name}, 0))

-- name: copy
COPY {table} ({columns}) FROM STDIN (FORMAT binary)

-- name: export
-- The rows of a partition: every value is quoted, so that NULL alone is not.
COPY (SELECT {values} FROM {table} WHERE {partition_column} = {partition})
TO STDOUT (FORMAT csv, NULL '\N', FORCE_QUOTE *, ENCODING 'UTF8')

-- name: count_partition
SELECT count(*) FROM {table} WHERE {partition_column} = {partition}

-- name: delete_partition
DELETE FROM {table} WHERE {partition_column} = {partition}

-- name: create_stage
-- The staged rows beside the partition, for as long as the transaction.
CREATE TEMPORARY TABLE {stage} ON COMMIT DROP AS
SELECT {columns} FROM {table} WITH NO DATA

-- name: analyze_stage
ANALYZE {stage}

-- name: count_altered
-- How many staged rows the partition does not hold as they are.
SELECT count(*)
FROM (
    SELECT {columns} FROM {stage}
    EXCEPT ALL
    SELECT {columns} FROM {table} WHERE {partition_column} = {partition}
) AS altered

-- name: delete_gone
DELETE FROM {table} AS old
WHERE old.{partition_column} = {partition}
    AND NOT EXISTS (SELECT 1 FROM {stage} AS new WHERE {same_id})

-- name: update_changed
UPDATE {table} AS old
SET ({values}) = ROW({new_values})
FROM {stage} AS new
WHERE old.{partition_column} = {partition} AND {same_id}
    AND ROW({old_values}) IS DISTINCT FROM ROW({new_values})

-- name: insert_new
INSERT INTO {table} ({columns})
SELECT {columns} FROM {stage} AS new
WHERE NOT EXISTS (
    SELECT 1 FROM {table} AS old WHERE old.{partition_column} = {partition} AND {same_id}
)

-- name: find_partition_key
-- How the target is partitioned, and by which columns.
SELECT partstrat::text, attname
FROM pg_partitioned_table
JOIN LATERAL unnest(partattrs::smallint[]) AS key (number) ON true
LEFT JOIN pg_attribute ON attrelid = partrelid AND attnum = key.number
WHERE partrelid = to_regclass({name})

-- name: find_part
-- The table that holds a partition: its schema and its name.
SELECT nspname, relname
FROM pg_inherits
JOIN pg_class ON pg_class.oid = inhrelid
JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE inhparent = to_regclass({name})
    AND pg_get_expr(relpartbound, inhrelid) = {bound}

-- name: limit_wait
-- For this transaction: readers that come while it waits for a lock wait behind it.
SET LOCAL lock_timeout = {milliseconds}

-- name: find_holders
-- Who works on the target, longest at it first.
SELECT DISTINCT ON (xact_start, pid)
    format('process %s of %s (%s), since %s: %s', pid, usename, application_name,
        to_char(xact_start, 'HH24:MI:SS TZ'), left(query, 200))
FROM pg_locks
JOIN pg_stat_activity USING (pid)
WHERE granted AND pid <> pg_backend_pid()
    AND relation IN (
        SELECT to_regclass({name})
        UNION ALL
        SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass({name})
    )
ORDER BY xact_start, pid
LIMIT 3

-- name: drop_part
DROP TABLE IF EXISTS {part}

-- name: create_part
-- The constraint says what ATTACH would otherwise read every row for.
CREATE TABLE {part} (
    LIKE {table} INCLUDING ALL,
    CONSTRAINT {check_name} CHECK ({partition_column} = {partition})
)

-- name: detach_part
ALTER TABLE {table} DETACH PARTITION {old}

-- name: attach_part
ALTER TABLE {table} ATTACH PARTITION {part} {bound}

-- name: rename_part
ALTER TABLE {part} RENAME TO {final}
