-- The forecast in force: every item of the hierarchy by period, with the keys that a product and a location are named by.
SELECT n.level_name AS level, n.label AS item, n.keys ->> 'product' AS sku, n.keys ->> 'location' AS location_code,
       n.keys ->> 'department' AS department, n.keys ->> 'category' AS category, n.keys ->> 'region' AS region,
       n.keys ->> 'country' AS country, f.ds, r.frequency, f.yhat, f.published, f.q025, f.q10, f.q25, f.q50, f.q75, f.q90, f.q975,
       r.forecast_run_id, r.cutoff, p.published_at
FROM published_forecast p
JOIN forecast_runs r USING (forecast_run_id)
JOIN forecast_nodes n USING (forecast_run_id)
JOIN forecasts_in_force f USING (forecast_run_id, node_id)
