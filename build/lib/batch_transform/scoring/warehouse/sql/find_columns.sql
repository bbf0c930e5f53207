-- The columns of the target, in order; no row where there is no such table.
SELECT attname, format_type(atttypid, atttypmod), attnotnull, atthasdef OR attidentity <> ''
FROM pg_attribute
WHERE attrelid = to_regclass({name}) AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
