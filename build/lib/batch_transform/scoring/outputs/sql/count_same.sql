-- How many records there are, how many answers, and how many of these are of the record's id.
SELECT
    (SELECT count(*) FROM sent),
    (SELECT count(*) FROM answered),
    (SELECT count(*) FROM sent POSITIONAL JOIN answered WHERE {same})
