-- In how many of the published forecast's sample paths shelves run out within some days, each within its own: where the demand of
-- these days is more than the stock on hand, without a delivery. Which days these are is said by periods_ahead, as for
-- running_out. A shelf that is empty has run out in all of them. No row for a shelf whose stock is not known, that has no
-- forecast of its own, or whose days reach beyond the forecast. row: the place of the shelf among those asked for, from 0 on.
-- Overrides in force move the paths as they move those that orders are computed from (forecasting.overriding.carried), by
-- the factor of each period: what sells in whole units still does, and units beside the paths spread as Poisson's do. Chance comes
-- from the number of the path here, evenly spread, so that the answer is the same each time.
-- Binds: :skus, :codes, :days, :now.
WITH asked AS (
    SELECT *
    FROM unnest(CAST(:skus AS text[]), CAST(:codes AS text[]), CAST(:days AS int[]))
        WITH ORDINALITY AS a (sku, code, days, number)
),
ahead AS MATERIALIZED (
    SELECT d.days, p.timezone, p.number, p.ds, p.share
    FROM (SELECT DISTINCT days FROM asked) d
    CROSS JOIN LATERAL periods_ahead(CAST(:now AS timestamptz), d.days) p
)
SELECT (a.number - 1)::int AS row, k.paths, k.beyond
FROM asked a
JOIN products p USING (sku)
JOIN locations l USING (code)
JOIN stock s USING (product_id, location_id)
CROSS JOIN published_forecast f
JOIN forecast_nodes n ON n.forecast_run_id = f.forecast_run_id
    AND n.keys = jsonb_build_object('product', a.sku, 'location', a.code)
JOIN forecast_paths u ON u.forecast_run_id = n.forecast_run_id AND u.node_id = n.node_id
LEFT JOIN adjusted_forecasts x ON x.forecast_run_id = n.forecast_run_id AND x.node_id = n.node_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(greatest(i.yhat - i.published * x.factor[h.number], 0) * h.share), 0) AS units
    FROM ahead h
    JOIN forecasts_in_force i ON i.forecast_run_id = n.forecast_run_id AND i.node_id = n.node_id AND i.ds = h.ds
    WHERE x.added IS NOT NULL AND h.days = a.days AND h.timezone = l.timezone
) beside
CROSS JOIN LATERAL (
    SELECT count(*)::int AS paths,
           (count(*) FILTER (WHERE s.on_hand_milli = 0 OR wanted > s.on_hand_milli / 1000.0))::int AS beyond
    FROM (
        SELECT CASE WHEN x.node_id IS NULL THEN was WHEN was = floor(was) THEN floor(moved + evenly) ELSE moved END AS wanted
        FROM (
            SELECT d.was, mod(d.path * 0.7548776662466927, 1)::float8 AS evenly,
                   -- a logistic that is as wide as a normal, which is near a Poisson of this mean
                   greatest(d.moved + beside.units + sqrt(beside.units) * ln(d.other / (1 - d.other)) / 1.702, 0) AS moved
            FROM (
                SELECT (t.at - 1) / array_length(u.units, 2) + 1 AS path,
                       mod(((t.at - 1) / array_length(u.units, 2) + 1) * 0.5698402909980532, 1)::float8 AS other,
                       sum(t.units * h.share) AS was, sum(t.units * h.share * coalesce(x.factor[h.number], 1)) AS moved
                FROM unnest(u.units) WITH ORDINALITY AS t (units, at)
                JOIN ahead h ON h.number = (t.at - 1) % array_length(u.units, 2) + 1
                WHERE h.days = a.days AND h.timezone = l.timezone
                GROUP BY 1, 2
            ) d
        ) drawn
    ) futures
) k
WHERE known_stock(s.known, s.on_hand_milli) IS NOT NULL AND k.paths > 0
ORDER BY row
