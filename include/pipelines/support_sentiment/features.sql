-- The messages customers wrote in a partition: feature_A is the subject, feature_B the body.
-- partition_start and partition_end are instants; the day is [start, end).
SELECT
    message_id,
    subject AS "feature_A",
    body AS "feature_B"
FROM source.support_messages
WHERE created_at >= :partition_start
    AND created_at < :partition_end
ORDER BY message_id
