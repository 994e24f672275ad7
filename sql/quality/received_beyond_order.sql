-- DuckDB. Purchases of which a tenth more came than was ordered.
-- severity: warning
-- of: purchases
SELECT product_id, location_id, day, last_entry_id AS entry_id, ordered_milli / 1e3 AS ordered, received_milli / 1e3 AS received
FROM purchases
WHERE day > $since AND ordered_milli > 0 AND 10 * received_milli > 11 * ordered_milli
