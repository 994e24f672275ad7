-- DuckDB. Each price that was set, and until when it held.
SELECT m.product_id, m.location_id, m.day, m.occurred_at AS from_at, lead(m.occurred_at) OVER pair AS until_at,
       m.price_micros, lag(m.price_micros) OVER pair AS price_before_micros,
       coalesce(m.currency, p.currency, '') AS currency, coalesce(m.promotion, false) AS promotion, m.source, m.event_id,
       m.entry_id, m.month
FROM in_force m
JOIN event_kinds k ON k.kind = m.kind AND k.sets_price
LEFT JOIN products p ON p.product_id = m.product_id
WINDOW pair AS (PARTITION BY m.product_id, m.location_id ORDER BY m.occurred_at, m.entry_id)
