SELECT digest, rows
FROM {ledger}
WHERE target = {target} AND partition = {partition}
ORDER BY load_id DESC
LIMIT 1
