-- Sums that the lake must have once everything before a transaction id has landed.
SELECT count(*) AS rows,
       coalesce(sum(quantity_milli), 0)::bigint AS quantity_milli,
       -- an array is built once; a join would run for every row
       coalesce(-sum(quantity_milli) FILTER (
           WHERE kind = ANY (ARRAY(SELECT kind FROM event_kinds WHERE daily = 'sold'))), 0)::bigint AS sold_milli,
       coalesce(sum(quantity_milli) FILTER (
           WHERE kind = ANY (ARRAY(SELECT kind FROM event_kinds WHERE daily = 'returned'))), 0)::bigint AS returned_milli,
       max(recorded_at) AS recorded_through
FROM ledger
WHERE CAST(CAST(xid AS text) AS bigint) < CAST(CAST(:xid_before AS text) AS bigint)
