-- Statements of DuckDB. Parts in braces are filled in by the module that runs them.

-- name: rows
-- The rows of all files, or of one slice, in their order.
SELECT {columns} FROM incoming WHERE {mine} ORDER BY {order}

-- name: lines
-- The line of each row, and the values that it is made of; no line where only the encoder knows what
-- is to be written, or how it is refused.
SELECT CASE WHEN {written} THEN concat({pieces}) END AS line, {columns}
FROM (SELECT {fields}, {columns} FROM ({rows}))
