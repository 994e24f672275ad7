-- Money that the forecast in force expects each product to sell for, in whatever currency it has: for its class.
SELECT n.keys ->> 'product' AS product, sum(t.units * coalesce(p.price_micros, 0) / 1e6)::float8 AS sales
FROM published_forecast f
JOIN forecast_nodes n USING (forecast_run_id)
JOIN products p ON p.sku = n.keys ->> 'product'
JOIN LATERAL (
    SELECT sum(yhat) AS units FROM forecasts_in_force d
    WHERE d.forecast_run_id = n.forecast_run_id AND d.node_id = n.node_id
) t ON true
WHERE n.keys ? 'product' AND n.keys ? 'location'
GROUP BY 1
