-- apples
SELECT * FROM (
SELECT * FROM apples WHERE CAST('2013-06-01 04:00:00 UTC' AS timestamp with time zone) < CAST('2013-06-02 04:00:00 UTC' AS timestamp with time zone) ORDER BY weight
) AS source LIMIT 0

-- apples
UNLOAD (SELECT "apple_id" AS "apple_id", "weight" AS "weight", "colour" AS "colour", coalesce(("apple_id" % 3 + 3) % 3, 0) AS batch_transform_slice FROM (
SELECT * FROM apples WHERE CAST('2013-06-01 04:00:00 UTC' AS timestamp with time zone) < CAST('2013-06-02 04:00:00 UTC' AS timestamp with time zone) ORDER BY weight
) AS source)
TO 's3://unload-bucket/runs/apples/2013-06-01/attempt/unload/'
WITH (format = 'PARQUET', compression = 'SNAPPY', partitioned_by = ARRAY['batch_transform_slice'])
