-- The values at the paths that are asked for, of every line of a JSON Lines file, in their order.
CREATE OR REPLACE TEMP TABLE {table} AS
SELECT {fields}
FROM (
    SELECT json, json_extract_string(json, {paths}) AS texts
    FROM read_ndjson_objects(?)
)
