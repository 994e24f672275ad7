-- Budgets in force today, each with what was ordered from the buyer's suppliers since it began, by currency, and of
-- cancelled lines what has come; a row with no currency where nothing was. Binds: :today.
SELECT b.buyer, b.amount_micros, b.currency, b.ends_on, o.currency AS spent_in,
       coalesce(sum(CASE WHEN o.state = 'ordered' THEN o.ordered_milli ELSE coalesce(c.closed_milli, 0) END::numeric
                    * o.price_micros / 1000), 0)::float8 AS spent_micros
FROM buyer_budgets b
LEFT JOIN suppliers s ON s.buyer = b.buyer AND s.withdrawn_at IS NULL
LEFT JOIN purchase_orders p ON p.supplier = s.supplier AND p.source IS NULL AND p.ordered_at >= b.starts_on AND p.ordered_at < b.ends_on + 1
LEFT JOIN order_lines o ON o.order_id = p.order_id
LEFT JOIN products a ON a.sku = o.product
LEFT JOIN locations l ON l.code = o.location
LEFT JOIN commitments c ON o.state = 'cancelled' AND c.purpose = 'on_order' AND c.reference = o.order_id
                       AND c.product_id = a.product_id AND c.location_id = l.location_id
WHERE b.withdrawn_at IS NULL AND :today BETWEEN b.starts_on AND b.ends_on
GROUP BY b.buyer, b.amount_micros, b.currency, b.ends_on, o.currency
ORDER BY b.buyer, b.ends_on, o.currency
