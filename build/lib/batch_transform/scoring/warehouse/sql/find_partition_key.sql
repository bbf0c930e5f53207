-- How the target is partitioned, and by which columns.
SELECT partstrat::text, attname
FROM pg_partitioned_table
JOIN LATERAL unnest(partattrs::smallint[]) AS key (number) ON true
LEFT JOIN pg_attribute ON attrelid = partrelid AND attnum = key.number
WHERE partrelid = to_regclass({name})
