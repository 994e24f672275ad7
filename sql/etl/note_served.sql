-- Note, in the transaction that wrote it, how far a serving copy has come, and in which lake.
INSERT INTO served_tables (table_name, xid_before, generation, version)
VALUES ($1::text, $2::text::xid8, $3::text::bigint, $4::text::bigint)
ON CONFLICT (table_name) DO UPDATE
SET xid_before = excluded.xid_before, generation = excluded.generation, version = excluded.version, served_at = now()
