-- Sums of the ledger's rows of transactions from one on and before another, but of those pairs.
SELECT count(*) AS rows,
       coalesce(sum(quantity_milli), 0) AS quantity_milli,
       -- an array is built once; a join would run for every row
       coalesce(-sum(quantity_milli) FILTER (
           WHERE kind = ANY (ARRAY(SELECT kind FROM event_kinds WHERE daily = 'sold'))), 0) AS sold_milli,
       coalesce(sum(quantity_milli) FILTER (
           WHERE kind = ANY (ARRAY(SELECT kind FROM event_kinds WHERE daily = 'returned'))), 0) AS returned_milli,
       max(recorded_at) AS recorded_through
FROM ledger
WHERE CAST(CAST(xid AS text) AS bigint) >= :since
  AND CAST(CAST(xid AS text) AS bigint) < :xid_before
  AND (cardinality(CAST(:product_ids AS int[])) = 0
       OR (product_id, location_id) NOT IN (SELECT * FROM unnest(CAST(:product_ids AS int[]), CAST(:location_ids AS int[]))))
