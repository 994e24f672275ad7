-- DuckDB. The lake's movements against the ledger's rows below the watermark: a month is equal if it has as many rows
-- and the same sum of their hashes. `rows` are the ledger's, `differ` the months that are not equal.
WITH landed AS (SELECT month, count(*) AS rows, sum(hash(m)::HUGEINT) AS hashes FROM movements m GROUP BY month),
wanted AS (SELECT month, count(*) AS rows, sum(hash(l)::HUGEINT) AS hashes FROM ledger l GROUP BY month)
SELECT coalesce(sum(w.rows), 0)::BIGINT AS rows,
       count(*) FILTER (WHERE (l.rows, l.hashes) IS DISTINCT FROM (w.rows, w.hashes)) AS differ
FROM landed l
FULL JOIN wanted w USING (month)
