-- What a query means depends on these settings, for which a server, a database and a role may have
-- defaults of their own. One statement: it takes the transaction's snapshot, and reads the clock.
SELECT
    set_config('timezone', %(timezone)s, true),
    set_config('datestyle', 'ISO, MDY', true),
    set_config('intervalstyle', 'postgres', true),
    set_config('extra_float_digits', '1', true),
    set_config('bytea_output', 'hex', true),
    set_config('standard_conforming_strings', 'on', true),
    set_config('transform_null_equals', 'off', true),
    set_config('array_nulls', 'on', true),
    set_config('timezone_abbreviations', 'Default', true),
    set_config('batch_transform.partition', %(partition)s, true),
    set_config('batch_transform.partition_start', %(partition_start)s, true),
    set_config('batch_transform.partition_end', %(partition_end)s, true),
    to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') AS taken_at
