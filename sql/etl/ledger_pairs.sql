-- The pairs of which the ledger has rows of these transactions.
SELECT DISTINCT product_id, location_id
FROM ledger
WHERE CAST(CAST(xid AS text) AS bigint) >= :since AND CAST(CAST(xid AS text) AS bigint) < :before
ORDER BY location_id, product_id
