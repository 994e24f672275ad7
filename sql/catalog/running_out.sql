-- Pairs whose stock is less than the coming week's expected demand, the largest gap first, and how many there are; needs a hierarchy whose leaves are location x product.
SELECT p.sku, coalesce(p.name, p.sku) AS name, coalesce(l.name, l.code) AS location,
       s.on_hand_milli / 1000.0::float8 AS on_hand, f.week, p.unit, count(*) OVER ()::int AS found
FROM published_forecast pf
JOIN forecast_nodes n ON n.forecast_run_id = pf.forecast_run_id
    AND n.keys ? 'product' AND n.keys ? 'location'
JOIN products p ON p.sku = n.keys ->> 'product'
JOIN locations l ON l.code = n.keys ->> 'location'
JOIN stock s USING (product_id, location_id)
JOIN LATERAL (
    SELECT sum(yhat) AS week
    FROM forecasts f
    WHERE f.forecast_run_id = n.forecast_run_id AND f.node_id = n.node_id
      AND f.ds <= (SELECT cutoff FROM forecast_runs r WHERE r.forecast_run_id = n.forecast_run_id) + 7
) f ON true
WHERE s.known AND s.on_hand_milli > 0 AND s.on_hand_milli / 1000.0 < f.week
ORDER BY f.week - s.on_hand_milli / 1000.0 DESC
LIMIT 200
