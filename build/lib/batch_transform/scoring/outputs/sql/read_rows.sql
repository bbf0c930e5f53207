-- Rows that were read a line at a time; in the file every value is quoted, and NULL is empty.
SELECT *
FROM read_csv(
    ?,
    columns = {columns},
    auto_detect = false,
    header = false,
    delim = ',',
    quote = '"',
    escape = '"',
    allow_quoted_nulls = false
)
