-- The entry of the load that a partition holds.
SELECT {columns}
FROM {ledger}
WHERE target = {target} AND partition = {partition}
ORDER BY load_id DESC
LIMIT 1
