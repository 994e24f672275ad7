-- Which values of a column were captured, from its index: one step a value, however many events there are.
WITH RECURSIVE seen (value) AS (
    (SELECT {column} FROM epcis_events WHERE {column} IS NOT NULL ORDER BY {column} LIMIT 1)
    UNION ALL
    SELECT (SELECT {column} FROM epcis_events WHERE {column} > seen.value ORDER BY {column} LIMIT 1)
    FROM seen WHERE seen.value IS NOT NULL
)
SELECT value FROM seen WHERE value IS NOT NULL LIMIT :count
