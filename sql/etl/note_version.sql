-- Note how far a table of the lake has come, and what the ledger has up to there.
INSERT INTO lake_versions AS v (table_name, version, xid_before, rows_total, recorded_through, quantity_milli, sold_milli,
                                returned_milli, proven_at)
VALUES (:name, :version, CAST(CAST(:xid AS text) AS xid8), :rows, :recorded_through, :quantity_milli, :sold_milli,
        :returned_milli, CASE WHEN :proven THEN now() END)
ON CONFLICT (table_name) DO UPDATE
SET version = excluded.version, xid_before = excluded.xid_before, rows_total = excluded.rows_total,
    recorded_through = excluded.recorded_through, quantity_milli = excluded.quantity_milli,
    sold_milli = excluded.sold_milli, returned_milli = excluded.returned_milli,
    proven_at = coalesce(excluded.proven_at, v.proven_at), updated_at = now()
