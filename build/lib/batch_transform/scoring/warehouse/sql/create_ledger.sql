-- One row for each load of each partition of each target in the schema.
CREATE TABLE IF NOT EXISTS {ledger} (
    load_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target text NOT NULL,
    pipeline text NOT NULL,
    partition date NOT NULL,
    digest text NOT NULL,
    run_id text NOT NULL,
    job_name text NOT NULL,
    model text NOT NULL,
    source_rows bigint NOT NULL,
    oversized bigint NOT NULL,
    records bigint NOT NULL,
    quarantined bigint NOT NULL,
    quarantine text NOT NULL,
    rows bigint NOT NULL,
    loaded_at timestamptz NOT NULL,
    transform_jobs integer NOT NULL,
    instance_type text NOT NULL,
    instance_count integer NOT NULL,
    transform_seconds double precision,
    profile jsonb NOT NULL,
    findings jsonb NOT NULL
)
