-- Items of the lowest level whose published forecast missed most money, in the last four weeks that the published version has
-- seen: of each day the newest forecast that was made before it. out, promoted: days out of stock, and on promotion.
WITH present AS (
    SELECT p.forecast_run_id, r.cutoff
    FROM published_forecast p
    JOIN forecast_runs r USING (forecast_run_id)
    WHERE r.frequency = 'D'
),
before AS (
    SELECT r.forecast_run_id, r.cutoff
    FROM present n
    JOIN forecast_runs r ON r.cutoff < n.cutoff AND r.frequency = 'D' AND r.pruned_at IS NULL
    JOIN forecast_models m ON m.forecast_run_id = r.forecast_run_id AND m.status IN ('champion', 'retired')
),
leaves AS (
    SELECT t.node_id, t.level_name, t.unique_id, t.keys, min(a.ds) AS first_day
    FROM present n
    JOIN forecast_nodes t USING (forecast_run_id)
    JOIN forecast_actuals a USING (forecast_run_id, node_id)
    WHERE t.keys ? 'product' AND t.level = (SELECT max(level) FROM forecast_nodes WHERE forecast_run_id = n.forecast_run_id)
    GROUP BY t.node_id, t.level_name, t.unique_id, t.keys
),
newest AS (
    SELECT DISTINCT ON (l.node_id, f.ds) l.node_id, l.keys, l.first_day, f.ds, f.yhat
    FROM before b
    CROSS JOIN present n
    JOIN forecast_nodes o ON o.forecast_run_id = b.forecast_run_id
    JOIN leaves l ON l.level_name = o.level_name AND l.unique_id = o.unique_id
    JOIN forecasts f ON f.forecast_run_id = b.forecast_run_id AND f.node_id = o.node_id
                    AND f.ds BETWEEN greatest(l.first_day, n.cutoff - 27) AND n.cutoff
    ORDER BY l.node_id, f.ds, b.cutoff DESC, b.forecast_run_id DESC
),
days AS (
    SELECT w.node_id, w.keys, w.first_day, w.ds, w.yhat, coalesce(a.y, 0) AS y
    FROM newest w
    CROSS JOIN present n
    LEFT JOIN forecast_actuals a ON a.forecast_run_id = n.forecast_run_id AND a.node_id = w.node_id AND a.ds = w.ds
),
items AS (
    SELECT node_id, keys, first_day, count(*)::int AS days, sum(abs(y - yhat)) AS err, sum(yhat - y) AS too_much,
           sum(y) AS came, array_agg(y ORDER BY ds) AS sold, array_agg(yhat ORDER BY ds) AS expected,
           min(ds) AS since, max(ds) AS until
    FROM days
    GROUP BY node_id, keys, first_day
)
SELECT i.node_id, p.sku, coalesce(p.name, p.sku) AS name, coalesce(l.name, l.code, 'all locations') AS location, i.days,
       i.err, i.too_much, i.came, i.sold, i.expected, i.first_day, i.since,
       i.err * coalesce(s.price_micros, p.price_micros) / 1e6::float8 AS money,
       coalesce(s.currency, p.currency) AS currency, coalesce(d.out, 0) AS out, coalesce(d.promoted, 0) AS promoted,
       count(*) OVER ()::int AS found
FROM items i
JOIN products p ON p.sku = i.keys ->> 'product'
LEFT JOIN locations l ON l.code = i.keys ->> 'location'
LEFT JOIN stock s ON s.product_id = p.product_id AND s.location_id = l.location_id
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE censored)::int AS out, count(*) FILTER (WHERE promotion)::int AS promoted
    FROM daily_demand
    WHERE product_id = p.product_id AND location_id = l.location_id AND day BETWEEN i.since AND i.until
) d ON true
ORDER BY money DESC NULLS LAST, i.err DESC, p.sku, location
LIMIT :limit
