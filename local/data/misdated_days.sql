-- Days on which scheduled_departure counts other flights than the package's own year, month and day.
SELECT COALESCE(departures.day, packaged.day),
    COALESCE(departures.flights, 0),
    COALESCE(packaged.flights, 0)
FROM (
    SELECT CAST(scheduled_departure AT TIME ZONE 'America/New_York' AS date) AS day,
        COUNT(*) AS flights
    FROM source.flights
    GROUP BY 1
) AS departures
FULL JOIN (
    SELECT make_date(year, month, day) AS day, COUNT(*) AS flights
    FROM source.flights
    GROUP BY 1
) AS packaged ON packaged.day = departures.day
WHERE departures.flights IS DISTINCT FROM packaged.flights
ORDER BY 1
