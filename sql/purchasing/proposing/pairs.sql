-- What is known of each product at each location whose stock is known: units of the product, money of one unit. A warehouse that
-- offers what nobody has counted there has none of it: else its shops could not be supplied, and it would order nothing for them.
-- What has expired is not on hand. Binds: :today.
WITH pair AS (
    SELECT product_id, location_id, true AS is_counted FROM stock WHERE known
    UNION ALL
    SELECT DISTINCT p.product_id, l.location_id, false
    FROM suppliers s
    JOIN locations l ON l.code = s.location
    JOIN supplier_products o ON o.supplier = s.supplier AND o.withdrawn_at IS NULL
    JOIN products p ON p.sku = o.product
    WHERE s.withdrawn_at IS NULL AND s.active
      AND NOT EXISTS (SELECT FROM stock k WHERE k.product_id = p.product_id AND k.location_id = l.location_id AND k.known)
)
SELECT p.sku AS product, l.code AS location, p.unit, p.category, p.department, l.region, l.country, l.timezone,
       CASE WHEN pair.is_counted THEN greatest(s.on_hand_milli - coalesce(x.expired_milli, 0), 0) ELSE 0 END / 1000.0::float8 AS on_hand,
       coalesce(x.expired_milli, 0) / 1000.0::float8 AS expired,
       CASE WHEN pair.is_counted THEN s.on_hand_milli ELSE 0 END / 1000.0::float8 AS book, pair.is_counted,
       coalesce(c.promised_milli, 0) / 1000.0::float8 AS reserved,
       coalesce(c.on_order_milli + c.in_transit_milli, 0) AS coming_milli,
       coalesce(s.price_micros, p.price_micros) / 1e6::float8 AS price, s.cost_micros / 1e6::float8 AS cost,
       coalesce(s.currency, p.currency) AS currency, s.cost_currency
FROM pair
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
LEFT JOIN stock s USING (product_id, location_id)
LEFT JOIN stock_position c USING (product_id, location_id)
LEFT JOIN (SELECT product_id, location_id, sum(left_milli) AS expired_milli
           FROM lots_left
           WHERE expires_on < :today
           GROUP BY product_id, location_id) x USING (product_id, location_id)
ORDER BY 1, 2
