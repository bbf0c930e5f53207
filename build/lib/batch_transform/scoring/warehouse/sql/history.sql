-- The latest entry of each of the partitions before one, latest partition first.
SELECT DISTINCT ON (partition) {columns}
FROM {ledger}
WHERE target = {target} AND pipeline = {pipeline} AND partition < {partition}
ORDER BY partition DESC, load_id DESC
LIMIT {count}
