-- Set the stock of pairs to their fold: the newest count plus every movement after it. The pairs are locked already.
-- Binds: $1 products, $2 locations.
UPDATE stock s
SET on_hand_milli = coalesce(c.observed_milli, 0) + m.moved,
    counted_at = c.occurred_at
FROM (
    SELECT DISTINCT product_id, location_id FROM unnest($1::int[], $2::int[]) AS t (product_id, location_id)
) pair
CROSS JOIN LATERAL (
    SELECT observed_milli, occurred_at
    FROM ledger_in_force
    WHERE product_id = pair.product_id AND location_id = pair.location_id AND is_stock_count(kind)
    ORDER BY occurred_at DESC, entry_id DESC
    LIMIT 1
) c
CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity_milli), 0) AS moved
    FROM ledger
    WHERE product_id = pair.product_id AND location_id = pair.location_id AND occurred_at > c.occurred_at
) m
WHERE s.product_id = pair.product_id AND s.location_id = pair.location_id
