-- One predicted column: NULLs, and of the others the mean, whether they differ, and how many
-- lie outside the bounds.
SELECT
    count(*) - count({column}),
    {mean},
    coalesce(min({column}) <> max({column}), false),
    count(*) FILTER (WHERE {outside})
FROM staged
