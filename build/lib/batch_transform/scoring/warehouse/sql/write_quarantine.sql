INSERT INTO {quarantine} (target, pipeline, partition, id, shard, line, status, reason, attempt)
SELECT {target}, {pipeline}, {partition}, id, shard, line, status, reason, {attempt}
FROM jsonb_to_recordset({records}) AS record (
    id text[], shard text, line bigint, status text, reason text
)
