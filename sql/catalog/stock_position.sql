-- Stock now, in one row: how many pairs are out of stock. Only pairs whose stock is known.
SELECT count(*) FILTER (WHERE s.known) AS pairs_known,
       count(*) AS pairs,
       count(*) FILTER (WHERE s.known AND s.on_hand_milli <= 0 AND recent.sold) AS out_of_stock,
       count(*) FILTER (WHERE s.known AND s.on_hand_milli < 0) AS negative,
       count(*) FILTER (WHERE s.sensed_at >= coalesce(s.last_sale_at, s.sensed_at)
                              AND s.sensed_milli <> s.on_hand_milli) AS sensor_differs,
       count(*) FILTER (WHERE s.sensed_at IS NOT NULL) AS sensed
FROM stock s
CROSS JOIN (SELECT max(last_sale_at) AS at FROM stock) newest
CROSS JOIN LATERAL (SELECT s.last_sale_at > newest.at - INTERVAL '28 days' AS sold) recent
