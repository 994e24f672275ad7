-- Stock now, in one row: units on hand, their value, and how many pairs are out of stock. Only pairs whose stock is known.
SELECT count(*) FILTER (WHERE s.known) AS pairs_known,
       count(*) AS pairs,
       count(*) FILTER (WHERE s.known AND s.on_hand_milli <= 0 AND recent.sold) AS out_of_stock,
       count(*) FILTER (WHERE s.known AND s.on_hand_milli < 0) AS negative,
       count(*) FILTER (WHERE s.sensed_at >= coalesce(s.last_sale_at, s.sensed_at)
                              AND s.sensed_milli <> s.on_hand_milli) AS sensor_differs,
       count(*) FILTER (WHERE s.sensed_at IS NOT NULL) AS sensed,
       coalesce(sum(greatest(s.on_hand_milli, 0) / 1000.0 * coalesce(s.price_micros, p.price_micros) / 1e6)
                FILTER (WHERE s.known), 0)::float8 AS value_at_price,
       mode() WITHIN GROUP (ORDER BY coalesce(s.currency, p.currency)) AS currency
FROM stock s
JOIN products p USING (product_id)
CROSS JOIN (SELECT max(last_sale_at) AS at FROM stock) newest
CROSS JOIN LATERAL (SELECT s.last_sale_at > newest.at - INTERVAL '28 days' AS sold) recent
