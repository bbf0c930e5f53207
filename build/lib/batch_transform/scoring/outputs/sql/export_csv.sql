-- The staged rows with their partition, as PostgreSQL's COPY reads CSV: an empty text is quoted,
-- NULL is not.
COPY (SELECT {columns} FROM staged) TO {path} (FORMAT csv, HEADER false)
