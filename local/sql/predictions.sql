SELECT 'flight_delay', flight_date, count(*), avg(late_probability)
FROM predictions.flight_delay GROUP BY flight_date
UNION ALL
SELECT 'support_sentiment', message_date, count(*), avg(sentiment)
FROM predictions.support_sentiment GROUP BY message_date
