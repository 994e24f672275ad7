-- Stock now, in one row: how many pairs are out of stock, of those whose stock is known. sensor_differs: what the alert rule
-- found, with its tolerance, and no movement since the reading. worth: what stock is worth at its selling prices, by
-- currency, of the pairs whose stock and price are known; converted: in the currency :currency at today's rate, null where
-- there is none. What names no currency is in it.
WITH pairs AS MATERIALIZED (
    SELECT s.product_id, s.location_id, s.known, s.on_hand_milli, s.sensed_at, s.last_sale_at, k.milli,
           coalesce(s.price_micros, p.price_micros) AS price_micros, coalesce(s.currency, p.currency, :currency, '') AS currency
    FROM stock s
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    CROSS JOIN LATERAL (SELECT known_stock(s.known, s.on_hand_milli) AS milli) k
    WHERE (CAST(:location AS text) IS NULL OR l.code = :location)
      AND (CAST(:department AS text) IS NULL OR p.department = :department)
      AND (CAST(:category AS text) IS NULL OR p.category = :category)
),
valued AS (
    SELECT currency, sum(milli::numeric * price_micros) / 1e9 AS value
    FROM pairs
    WHERE milli IS NOT NULL AND price_micros IS NOT NULL
    GROUP BY currency
)
SELECT count(s.milli) AS pairs_known,
       count(*) AS pairs,
       count(*) FILTER (WHERE s.milli = 0 AND recent.sold) AS out_of_stock,
       count(*) FILTER (WHERE s.known AND s.on_hand_milli < 0) AS negative,
       count(a.alert_id) AS sensor_differs,
       count(*) FILTER (WHERE s.sensed_at IS NOT NULL) AS sensed,
       (SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'currency', currency, 'value', value,
                   'converted', value * rate_on(currency, CAST(:currency AS text), current_date)) ORDER BY currency), '[]')
        FROM valued) AS worth
FROM pairs s
CROSS JOIN (SELECT max(last_sale_at) AS at FROM stock) newest
CROSS JOIN LATERAL (SELECT s.last_sale_at > newest.at - INTERVAL '28 days' AS sold) recent
LEFT JOIN alerts a ON a.rule = 'sensor_disagrees' AND a.closed_at IS NULL AND a.product_id = s.product_id
                  AND a.location_id = s.location_id
