-- Write down which pairs changed, for the rules of alerts, and tell the caches at commit.
-- Binds: $1 products, $2 locations, $3 the products' ids as text.
WITH told AS (
    INSERT INTO stock_changes (product_ids, location_ids) VALUES ($1, $2)
)
SELECT pg_notify('stock_changed', $3)
