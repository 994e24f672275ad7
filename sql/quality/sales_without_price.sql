-- DuckDB. Lines of orders that were sold for nothing: the sender names no price, and revenue is too low.
-- severity: warning
-- of: order_lines
SELECT product_id, location_id, day, first_entry_id AS entry_id, sold_milli / 1e3 AS sold
FROM order_lines
WHERE day > $since AND sold_milli > 0 AND sales_micros = 0
