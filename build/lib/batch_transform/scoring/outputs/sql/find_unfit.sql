-- The lines of the output, from 1, with a value that does not fit as it stands.
SELECT rowid + 1 FROM answered WHERE NOT fits ORDER BY rowid
