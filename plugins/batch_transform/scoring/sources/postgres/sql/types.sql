SELECT
    oid,
    typname,
    typtype,
    format_type(oid, NULL)
FROM pg_type
WHERE oid = ANY (%s)
