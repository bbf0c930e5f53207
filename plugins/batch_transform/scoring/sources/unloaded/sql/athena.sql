-- Statements of Athena. Parts in braces are filled in by the module that runs them. `describe` shows
-- the query's columns, without a row. `unload` is one statement, whose rows are what it reads, each
-- value as Parquet keeps it exactly: https://docs.aws.amazon.com/athena/latest/ug/unload.html

-- name: describe
SELECT * FROM (
{query}) AS source LIMIT 0

-- name: unload
UNLOAD (SELECT {columns}, {slice} AS batch_transform_slice FROM (
{query}) AS source)
TO {prefix}
WITH (format = 'PARQUET', compression = 'SNAPPY', partitioned_by = ARRAY['batch_transform_slice'])
