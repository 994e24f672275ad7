-- What is noted of the lake's progress, against what the ledger has below that mark.
SELECT v.table_name, v.version, CAST(CAST(v.xid_before AS text) AS bigint) AS xid_before,
       v.rows_total = l.rows AND v.recorded_through IS NOT DISTINCT FROM l.recorded_through AS holds
FROM lake_versions v
CROSS JOIN LATERAL (
    SELECT count(*) AS rows, max(recorded_at) AS recorded_through
    FROM ledger
    WHERE CAST(CAST(xid AS text) AS bigint) < CAST(CAST(v.xid_before AS text) AS bigint)
) l
