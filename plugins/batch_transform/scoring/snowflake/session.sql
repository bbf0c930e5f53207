-- Statements about statements. Parts in braces are texts, quoted by the module that fills them in. The
-- history has statements of the last seven days, and those that run:
-- https://docs.snowflake.com/en/sql-reference/functions/query_history

-- name: running
SELECT QUERY_ID, QUERY_TAG
FROM TABLE(INFORMATION_SCHEMA.QUERY_HISTORY_BY_USER(RESULT_LIMIT => 10000))
WHERE STARTSWITH(QUERY_TAG, {start}) AND EXECUTION_STATUS IN ({states})

-- name: cancel
SELECT SYSTEM$CANCEL_QUERY({statement})
