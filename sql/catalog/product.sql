-- One product with its stock at each location, its price there, and what is on order and under way by the day that a
-- sender named for it.
SELECT p.product_id, p.sku, p.name, p.department, p.category, p.unit, p.attributes,
       p.price_micros, p.currency,
       coalesce(s.rows, '[]') AS stock
FROM products p
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
               'location', l.code, 'location_name', l.name, 'region', l.region, 'timezone', l.timezone,
               'on_hand_milli', known_stock(s.known, s.on_hand_milli), 'book_milli', s.on_hand_milli, 'known', s.known,
               'counted_at', s.counted_at, 'last_sale_at', s.last_sale_at,
               'price_micros', coalesce(s.price_micros, p.price_micros), 'currency', coalesce(s.currency, p.currency),
               'promotion', s.promotion, 'sensed_milli', s.sensed_milli, 'sensed_at', s.sensed_at,
               'arrivals', coalesce(a.rows, '[]'))
               ORDER BY l.code) AS rows
    FROM stock s
    JOIN locations l USING (location_id)
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object('expected_on', d.expected_on, 'milli', d.milli) ORDER BY d.expected_on) AS rows
        FROM (SELECT c.expected_on, sum(c.opened_milli - c.closed_milli) AS milli
              FROM commitments c
              WHERE c.product_id = s.product_id AND c.location_id = s.location_id AND c.opened_milli > c.closed_milli
                AND c.purpose IN ('on_order', 'in_transit')
              GROUP BY c.expected_on) d
    ) a ON true
    WHERE s.product_id = p.product_id
) s ON true
WHERE p.sku = :sku
