-- Pairs whose stock is less than the coming week's expected demand, the largest gap first, and how many there are; needs
-- a hierarchy whose leaves are location x product. The week follows the cutoff, or yesterday where periods are longer;
-- a period that reaches beyond it counts by its share of the days.
WITH periods AS (
    SELECT f.ds AS last_day, coalesce(lag(f.ds) OVER (ORDER BY f.ds), r.cutoff) + 1 AS first_day, r.forecast_run_id,
           CASE WHEN r.frequency = 'D' THEN r.cutoff ELSE greatest(r.cutoff, current_date - 1) END AS before
    FROM published_forecast p
    JOIN forecast_runs r USING (forecast_run_id)
    JOIN forecasts f USING (forecast_run_id)
    WHERE f.node_id = 0
),
coming AS MATERIALIZED (
    SELECT forecast_run_id, last_day AS ds,
           (least(last_day, before + 7) - greatest(first_day - 1, before))::float8 / (last_day - first_day + 1) AS share
    FROM periods
    WHERE last_day > before AND first_day <= before + 7
)
SELECT p.sku, coalesce(p.name, p.sku) AS name, coalesce(l.name, l.code) AS location,
       s.on_hand_milli / 1000.0::float8 AS on_hand, f.week, p.unit, count(*) OVER ()::int AS found
FROM published_forecast pf
JOIN forecast_nodes n ON n.forecast_run_id = pf.forecast_run_id
    AND n.keys ? 'product' AND n.keys ? 'location'
JOIN products p ON p.sku = n.keys ->> 'product'
JOIN locations l ON l.code = n.keys ->> 'location'
JOIN stock s USING (product_id, location_id)
JOIN LATERAL (
    SELECT sum(f.yhat * c.share) AS week
    FROM forecasts f
    JOIN coming c USING (ds)
    -- the range lets the index be read in one scan per node
    WHERE f.forecast_run_id = n.forecast_run_id AND f.node_id = n.node_id
      AND f.ds BETWEEN (SELECT min(ds) FROM coming) AND (SELECT max(ds) FROM coming)
) f ON true
WHERE s.known AND s.on_hand_milli > 0 AND s.on_hand_milli / 1000.0 < f.week
ORDER BY f.week - s.on_hand_milli / 1000.0 DESC
LIMIT 200
