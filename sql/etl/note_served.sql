-- Note, in the transaction that wrote it, how far a serving copy has come.
INSERT INTO served_tables (table_name, xid_before) VALUES ($1::text, $2::text::xid8)
ON CONFLICT (table_name) DO UPDATE SET xid_before = excluded.xid_before, served_at = now()
