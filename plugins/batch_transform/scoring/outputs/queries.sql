-- Statements of DuckDB. Parts in braces are filled in by the module that runs them.

-- name: create_empty
-- As long as there is no piece.
CREATE VIEW staged AS SELECT {columns} WHERE false

-- name: create_staged
-- All pieces together, in the order of their names.
CREATE OR REPLACE VIEW staged AS SELECT * FROM read_parquet({files})

-- name: read_csv
-- The fields of every row of a CSV file, in their order. Buffers a quarter of
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

-- name: read_json_lines
-- The values at some paths of every line of a JSON Lines file, in their order; NULL of a line that is
-- no JSON. Lines are read as the one column of a CSV file, on both cores; no valid JSON
-- has the delimiter.
CREATE OR REPLACE TEMP TABLE {table} AS
SELECT {fields}
FROM (
    SELECT line AS json, TRY(json_extract_string(line, {columns})) AS texts
    FROM read_csv(
        ?,
        columns = {{'line': 'VARCHAR'}},
        auto_detect = false,
        header = false,
        delim = chr(1),
        quote = '',
        escape = '',
        new_line = '\n',
        max_line_size = 8000000,
        buffer_size = 8000000
    )
)

-- name: set_unfit
-- Rows that are to be read again a line at a time.
UPDATE answered SET fits = false WHERE rowid + 1 IN (SELECT unnest(?))

-- name: count_same
-- How many records there are, how many answers, and how many of these are of the record's id.
SELECT
    (SELECT count(*) FROM sent),
    (SELECT count(*) FROM answered),
    (SELECT count(*) FROM sent POSITIONAL JOIN answered WHERE {same})

-- name: read_right
SELECT {ids}, {values} FROM sent POSITIONAL JOIN answered WHERE answered.fits

-- name: find_unfit
-- The lines of the output, from 1, with a value that does not fit as it stands.
SELECT rowid + 1 FROM answered WHERE NOT fits ORDER BY rowid

-- name: keep
COPY (SELECT * FROM ({query}) AS rows ({columns})) TO {path} (FORMAT parquet, COMPRESSION uncompressed)

-- name: read_filed
SELECT * FROM read_parquet(?)

-- name: least
-- Of a column whose values are all the same: that value.
SELECT min({column})::VARCHAR FROM staged

-- name: longest_id
SELECT {id}, strlen({id}) FROM staged ORDER BY strlen({id}) DESC LIMIT 1

-- name: export_parquet
COPY (SELECT {columns} FROM staged LIMIT {count} OFFSET {start})
TO {path} (FORMAT parquet, COMPRESSION zstd)

-- name: profile
-- One predicted column: NULLs, and of the others the mean, whether they differ, and how many
-- lie outside the bounds.
SELECT
    count(*) - count({column}),
    {mean},
    coalesce(min({column}) <> max({column}), false),
    count(*) FILTER (WHERE {outside})
FROM staged

-- name: histogram
-- How many values lie in each of the equal parts between the declared bounds.
SELECT least(greatest(floor(({column} - {min}) / {width}), 0), {last})::BIGINT AS bin, count(*)
FROM {relation}
WHERE {column} IS NOT NULL
GROUP BY bin
ORDER BY bin

-- name: hold_csv
-- The rows that the partition holds, from a file that PostgreSQL wrote; a value may have line breaks.
CREATE OR REPLACE VIEW held AS
SELECT *
FROM read_csv(
    {files},
    columns = {columns},
    auto_detect = false,
    header = false,
    delim = ',',
    quote = '"',
    escape = '"',
    nullstr = '\N',
    allow_quoted_nulls = false,
    max_line_size = 8000000,
    parallel = false
)

-- name: find_parquet_columns
SELECT DISTINCT name FROM parquet_schema({files}) WHERE num_children IS NULL

-- name: hold_parquet
-- The same, from the files of a target in S3.
CREATE OR REPLACE VIEW held AS
SELECT {columns} FROM read_parquet({files}, union_by_name = true)

-- name: count_unequal
-- How many rows of files are not staged as often as they are there.
SELECT count(*) FROM (
    SELECT {named} FROM read_parquet({files})
    EXCEPT ALL
    SELECT {columns} FROM staged
)

-- name: compare
-- The staged rows beside those held, by id.
COPY (
    SELECT {columns}, staged.s0 IS NULL AS is_lost, held.s0 IS NULL AS is_gained
    FROM staged {join} JOIN held ON {same_id}
) TO {path} (FORMAT parquet, COMPRESSION uncompressed)

-- name: create_compared
CREATE OR REPLACE VIEW compared AS SELECT * FROM read_parquet({path})

-- name: count_compared
SELECT
    count(*) FILTER (WHERE is_gained),
    count(*) FILTER (WHERE is_lost),
    count(*) FILTER (WHERE NOT is_gained AND NOT is_lost AND ({differs}))
FROM compared

-- name: compare_numbers
-- One column: its mean before and after, and how far the values of the same ids lie apart.
SELECT
    avg({old}) FILTER (WHERE NOT is_gained),
    avg({new}) FILTER (WHERE NOT is_lost),
    avg(abs({new}::DOUBLE - {old}::DOUBLE)) FILTER (WHERE {old} IS DISTINCT FROM {new}),
    max(abs({new}::DOUBLE - {old}::DOUBLE))
FROM compared

-- name: largest_changes
SELECT {ids}, {old}, {new}
FROM compared
WHERE NOT is_gained AND NOT is_lost AND {old} IS DISTINCT FROM {new}
ORDER BY {order}
LIMIT {count}
