-- Statements of Redshift. Parts in braces are filled in by the module that runs them; the user's query
-- stands in none of the quotes of another statement. `describe` shows the query's columns, without a
-- row; `keep` holds its answer in one snapshot, each value as Parquet keeps it exactly. `unload`:
-- https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html

-- name: set_timezone
SET timezone TO {timezone}

-- name: describe
SELECT * FROM (
{query}) AS source LIMIT 0

-- name: keep
CREATE TEMP TABLE batch_transform_rows AS SELECT {columns}, {slice} AS batch_transform_slice FROM (
{query}) AS source

-- name: count
SELECT count(*) FROM batch_transform_rows

-- name: unload
UNLOAD ('SELECT * FROM batch_transform_rows') TO {prefix} IAM_ROLE {role}
FORMAT AS PARQUET PARTITION BY (batch_transform_slice) MANIFEST VERBOSE MAXFILESIZE 256 MB

-- name: unloaded
SELECT pg_last_unload_count()
