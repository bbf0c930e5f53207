-- Held until it is given back or the connection ends: loads that name the same thing take turns,
-- others do not wait.
SELECT pg_advisory_lock(hashtextextended({name}, 0))
