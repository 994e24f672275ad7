-- Up to which transaction a serving copy shows its table of the lake; 0 where that is not known.
SELECT coalesce(max(xid_before::text::bigint), 0) AS xid_before FROM served_tables WHERE table_name = $1::text
