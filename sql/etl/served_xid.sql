-- Which lake, and up to which transaction of it, a serving copy shows; no row where that is not known.
SELECT generation, xid_before::text::bigint AS xid_before FROM served_tables WHERE table_name = $1::text
