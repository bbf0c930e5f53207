-- The table that holds a partition: its schema and its name.
SELECT nspname, relname
FROM pg_inherits
JOIN pg_class ON pg_class.oid = inhrelid
JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE inhparent = to_regclass({name})
    AND pg_get_expr(relpartbound, inhrelid) = {bound}
