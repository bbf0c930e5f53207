-- The records of each partition of each target in the schema that are in no row of it.
CREATE TABLE IF NOT EXISTS {quarantine} (
    target text NOT NULL,
    pipeline text NOT NULL,
    partition date NOT NULL,
    id text[] NOT NULL,
    shard text NOT NULL,
    line bigint NOT NULL,
    status text NOT NULL,
    reason text NOT NULL,
    attempt text NOT NULL,
    PRIMARY KEY (target, partition, shard, line)
)
