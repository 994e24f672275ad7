-- What is noted of the lake's progress, against what the ledger has below that mark.
SELECT v.table_name, v.version, CAST(CAST(v.xid_before AS text) AS bigint) AS xid_before,
       v.rows_total = l.rows AND v.recorded_through IS NOT DISTINCT FROM l.recorded_through
           -- sums that are not known yet are taken by the next run
           AND (v.quantity_milli IS NULL OR (v.quantity_milli, v.sold_milli, v.returned_milli)
                                            IS NOT DISTINCT FROM (l.quantity_milli, l.sold_milli, l.returned_milli))
           AND coalesce(v.proven_at <= clock_timestamp(), true) AS holds
FROM lake_versions v
CROSS JOIN LATERAL (
    SELECT count(*) AS rows, max(recorded_at) AS recorded_through, coalesce(sum(quantity_milli), 0) AS quantity_milli,
           coalesce(-sum(quantity_milli) FILTER (
               WHERE kind = ANY (ARRAY(SELECT kind FROM event_kinds WHERE daily = 'sold'))), 0) AS sold_milli,
           coalesce(sum(quantity_milli) FILTER (
               WHERE kind = ANY (ARRAY(SELECT kind FROM event_kinds WHERE daily = 'returned'))), 0) AS returned_milli
    FROM ledger
    WHERE CAST(CAST(xid AS text) AS bigint) < CAST(CAST(v.xid_before AS text) AS bigint)
) l
