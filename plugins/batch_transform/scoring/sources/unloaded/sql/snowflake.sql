-- Statements of Snowflake. Parts in braces are filled in by the module that runs them; the user's query
-- stands in none of the quotes of another statement. `unload` is one statement, and so of one snapshot:
-- https://docs.snowflake.com/en/sql-reference/sql/copy-into-location

-- name: set_session
ALTER SESSION SET TIMEZONE = {timezone} QUERY_TAG = {tag} TIMESTAMP_TYPE_MAPPING = 'TIMESTAMP_NTZ'
QUOTED_IDENTIFIERS_IGNORE_CASE = FALSE ABORT_DETACHED_QUERY = FALSE

-- name: now
SELECT SYSDATE()

-- name: describe
SELECT * FROM (
{query}) AS source

-- name: unload
COPY INTO {location} FROM (SELECT {columns} FROM (
{query}) AS source)
PARTITION BY ('slice=' || CAST({slice} AS VARCHAR)) FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE
MAX_FILE_SIZE = 268435456 DETAILED_OUTPUT = TRUE INCLUDE_QUERY_ID = TRUE
