-- What is known about a flight before it leaves; one row a flight.
-- partition_start and partition_end are instants; the day is [start, end).
SELECT
    flights.flight_id,
    flights.month,
    CAST(EXTRACT(isodow FROM flights.scheduled_departure AT TIME ZONE 'America/New_York') AS integer)
        AS day_of_week,
    flights.hour * 60 + flights.minute AS sched_dep_minute,
    flights.sched_arr_time / 100 * 60 + MOD(flights.sched_arr_time, 100) AS sched_arr_minute,
    flights.carrier,
    flights.origin,
    flights.dest,
    flights.distance,
    planes.year AS plane_year,
    planes.seats,
    weather.temp,
    weather.wind_speed,
    weather.precip,
    weather.visib
FROM source.flights AS flights
LEFT JOIN source.planes AS planes
    ON planes.tailnum = flights.tailnum
-- An observation carries the hour it was made in, so only that of the hour before is surely known.
LEFT JOIN source.weather AS weather
    ON weather.origin = flights.origin
    AND weather.time_hour = flights.time_hour - INTERVAL '1 hour'
WHERE flights.scheduled_departure >= :partition_start
    AND flights.scheduled_departure < :partition_end
ORDER BY flights.flight_id
