-- How many records there are, how many answers, and how many of these fit and have the same id.
SELECT
    (SELECT count(*) FROM sent),
    (SELECT count(*) FROM answered),
    (SELECT count(*) FROM sent POSITIONAL JOIN answered WHERE {right})
