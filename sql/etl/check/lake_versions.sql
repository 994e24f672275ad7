-- What is noted of the lake's progress, against what the ledger has below that mark.
SELECT v.table_name, v.version, CAST(CAST(v.xid_before AS text) AS bigint) AS xid_before,
       v.rows_total = l.rows AND v.recorded_through IS NOT DISTINCT FROM l.recorded_through
           AS holds
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
