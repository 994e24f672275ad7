-- DuckDB. The months in which what is wanted and what is present differ, by number of rows and sum of their hashes.
WITH now AS (SELECT month, count(*) AS rows, sum(hash({columns})::HUGEINT) AS hashes FROM wanted GROUP BY month),
before AS (SELECT month, count(*) AS rows, sum(hash({columns})::HUGEINT) AS hashes FROM present GROUP BY month)
SELECT month
FROM now
FULL JOIN before USING (month)
WHERE now.rows IS DISTINCT FROM before.rows OR now.hashes IS DISTINCT FROM before.hashes
ORDER BY month
