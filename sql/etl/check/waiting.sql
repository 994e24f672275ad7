-- Rows of the ledger that are not in the lake yet.
SELECT count(*) FROM ledger WHERE CAST(CAST(xid AS text) AS bigint) >= :watermark
