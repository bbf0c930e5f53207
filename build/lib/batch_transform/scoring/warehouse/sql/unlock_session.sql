SELECT pg_advisory_unlock(hashtextextended({name}, 0))
