-- What the lake must hold once everything before a transaction id has landed.
SELECT count(*) AS rows,
       coalesce(sum(quantity_milli), 0)::bigint AS quantity_milli,
       coalesce(-sum(quantity_milli) FILTER (WHERE k.daily = 'sold'), 0)::bigint AS sold_milli,
       coalesce(sum(quantity_milli) FILTER (WHERE k.daily = 'returned'), 0)::bigint AS returned_milli,
       max(recorded_at) AS recorded_through
FROM ledger
JOIN event_kinds k USING (kind)
WHERE CAST(CAST(xid AS text) AS bigint) < CAST(CAST(:xid_before AS text) AS bigint)
