-- The next transaction number, and how many rows of the ledger claim to be from it or from later ones. ledger_xid serves
-- it.
SELECT n.next_xid,
       (SELECT count(*) FROM ledger WHERE CAST(CAST(xid AS text) AS bigint) >= n.next_xid) AS ledger_rows
FROM (SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint) AS next_xid) n
