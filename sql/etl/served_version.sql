-- Which lake, and which version of its table, a serving copy shows; no row where that is not known.
SELECT generation, version FROM served_tables WHERE table_name = $1::text
