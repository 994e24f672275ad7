-- Note how far a table of the lake has come, and what the ledger has up to there.
INSERT INTO lake_versions AS v (table_name, version, xid_before, rows_total, recorded_through)
SELECT :name, :version, CAST(CAST(:xid AS text) AS xid8), count(*), max(recorded_at)
FROM ledger
WHERE CAST(CAST(xid AS text) AS bigint) < :xid
ON CONFLICT (table_name) DO UPDATE
SET version = excluded.version, xid_before = excluded.xid_before, rows_total = excluded.rows_total,
    recorded_through = excluded.recorded_through, updated_at = now()
