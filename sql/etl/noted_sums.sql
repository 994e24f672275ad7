-- What was noted of the ledger up to a mark that lies before another, if all of it was summed within a day.
SELECT CAST(CAST(xid_before AS text) AS bigint) AS xid_before, rows_total AS rows, quantity_milli, sold_milli, returned_milli,
       recorded_through
FROM lake_versions
WHERE table_name = 'movements'
  AND CAST(CAST(xid_before AS text) AS bigint) <= :xid_before
  AND quantity_milli IS NOT NULL
  AND proven_at > now() - interval '1 day'
