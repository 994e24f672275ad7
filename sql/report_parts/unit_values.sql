-- What a unit on a shelf is worth: its average cost; in a chain that records no costs, its selling price. One basis for all.
unit_values AS (
    SELECT k.product_id, k.location_id,
           CASE WHEN b.has_costs THEN k.cost ELSE coalesce(k.price, p.price) END::DOUBLE AS unit_value,
           CASE WHEN b.has_costs THEN k.cost_currency WHEN k.price IS NOT NULL THEN k.currency ELSE p.currency
           END AS currency,
           CASE WHEN b.has_costs THEN 'average cost' ELSE 'selling price' END AS valued_at
    FROM stock k
    JOIN products p USING (product_id)
    CROSS JOIN (SELECT count(cost) > 0 AS has_costs FROM stock) b
)
