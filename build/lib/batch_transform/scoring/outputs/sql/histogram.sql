-- How many values lie in each of the equal parts between the declared bounds.
SELECT least(greatest(floor(({column} - {min}) / {width}), 0), {last})::BIGINT AS bin, count(*)
FROM staged
WHERE {column} IS NOT NULL
GROUP BY bin
ORDER BY bin
