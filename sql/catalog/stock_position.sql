-- Stock now, in one row: how many pairs are out of stock, of those whose stock is known. sensor_differs: what the alert rule
-- found, with its tolerance, and no movement since the reading.
SELECT count(k.milli) AS pairs_known,
       count(*) AS pairs,
       count(*) FILTER (WHERE k.milli = 0 AND recent.sold) AS out_of_stock,
       count(*) FILTER (WHERE s.known AND s.on_hand_milli < 0) AS negative,
       (SELECT count(*) FROM alerts WHERE rule = 'sensor_disagrees' AND closed_at IS NULL) AS sensor_differs,
       count(*) FILTER (WHERE s.sensed_at IS NOT NULL) AS sensed
FROM stock s
CROSS JOIN LATERAL (SELECT known_stock(s.known, s.on_hand_milli) AS milli) k
CROSS JOIN (SELECT max(last_sale_at) AS at FROM stock) newest
CROSS JOIN LATERAL (SELECT s.last_sale_at > newest.at - INTERVAL '28 days' AS sold) recent
