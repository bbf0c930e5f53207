-- The braces below take the pipeline's own query: training and scoring see the same features.
-- A flight that never arrived has no label.
SELECT
    features.*,
    flights.arr_delay >= %(late_minutes)s AS late
FROM (
{features}
) AS features
INNER JOIN source.flights AS flights ON flights.flight_id = features.flight_id
WHERE flights.arr_delay IS NOT NULL
ORDER BY features.flight_id
