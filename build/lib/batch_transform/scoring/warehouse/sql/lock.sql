-- Held until the transaction ends: loads that make the same table take turns.
SELECT pg_advisory_xact_lock(hashtextextended({name}, 0))
