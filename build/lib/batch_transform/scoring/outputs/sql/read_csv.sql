-- The fields that are asked for, of every row of a CSV file, in their order. Buffers a quarter of
-- DuckDB's own let both cores read a file of 16 MB.
CREATE OR REPLACE TEMP TABLE {table} AS
SELECT {fields}
FROM read_csv(
    ?,
    columns = {columns},
    auto_detect = false,
    header = false,
    delim = ',',
    quote = '"',
    escape = '"',
    new_line = '\n',
    allow_quoted_nulls = false,
    max_line_size = 8000000,
    buffer_size = 8000000
)
