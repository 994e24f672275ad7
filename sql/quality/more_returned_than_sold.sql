-- DuckDB. Lines of orders of which more came back than was sold.
-- severity: warning
-- of: order_lines
SELECT product_id, location_id, day, last_entry_id AS entry_id, sold_milli / 1e3 AS sold, returned_milli / 1e3 AS returned
FROM order_lines
WHERE day > $since AND returned_milli > sold_milli
