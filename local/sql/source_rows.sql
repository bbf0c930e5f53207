-- Rows of each day as the source itself dates them, whatever the pipelines' queries say.
SELECT 'flight_delay', make_date(year, month, day), count(*)
FROM source.flights GROUP BY 2
UNION ALL
SELECT 'support_sentiment', (created_at AT TIME ZONE 'America/New_York')::date, count(*)
FROM source.support_messages GROUP BY 2
