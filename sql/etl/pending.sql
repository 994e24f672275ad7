-- Rows of finished transactions from one on: how many, of how many pairs, and on which days at their locations. ledger_xid
-- serves it.
SELECT count(*) AS rows, count(DISTINCT (l.product_id, l.location_id)) AS pairs,
       min((l.occurred_at AT TIME ZONE o.timezone)::date) AS first_day,
       max((l.occurred_at AT TIME ZONE o.timezone)::date) AS last_day
FROM ledger l
JOIN locations o USING (location_id)
WHERE CAST(CAST(l.xid AS text) AS bigint) >= :since
  AND CAST(CAST(l.xid AS text) AS bigint) < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)
