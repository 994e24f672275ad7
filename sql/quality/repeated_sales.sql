-- DuckDB. Sales of one source that say the same of the same second under two ids: a sender that repeats itself under new ids.
-- severity: warning
-- of: movements
SELECT m.product_id, m.location_id, any_value(m.day) AS day, max(m.entry_id) AS entry_id, count(*) AS times
FROM movements m
JOIN event_kinds k ON k.kind = m.kind AND k.daily = 'sold'
WHERE m.day > $since AND m.corrects IS NULL
GROUP BY m.source, m.product_id, m.location_id, m.occurred_at, m.quantity_milli, m.order_id, m.order_line, m.customer_id
HAVING count(*) > 1
