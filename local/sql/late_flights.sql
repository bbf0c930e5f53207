-- What was predicted beside what really happened; a cancelled flight has no arrival to judge by.
SELECT predicted.late_probability, flights.arr_delay >= 15
FROM predictions.flight_delay AS predicted
JOIN source.flights AS flights USING (flight_id)
WHERE flights.arr_delay IS NOT NULL
