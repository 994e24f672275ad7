-- DuckDB. The months in which what is wanted and what is present differ, by number of rows and sum of their hashes.
WITH now AS (SELECT month, count(*) AS rows, sum(hash(w)::HUGEINT) AS hashes FROM (SELECT {columns} FROM wanted) w GROUP BY month),
before AS (SELECT month, count(*) AS rows, sum(hash(p)::HUGEINT) AS hashes FROM (SELECT {columns} FROM present) p GROUP BY month)
SELECT month
FROM now
FULL JOIN before USING (month)
WHERE (now.rows, now.hashes) IS DISTINCT FROM (before.rows, before.hashes)
ORDER BY month
