-- Pairs whose stock is less than the coming week's expected demand, the largest gap first, and how many there are; needs
-- a hierarchy whose leaves are location x product. The week begins with the location's own today, or where the
-- forecast's days begin, if that is later; a period that reaches beyond it counts by its share of the days. Where the
-- forecast ends before the week does, nothing is said.
WITH periods AS (
    SELECT f.ds AS last_day, coalesce(lag(f.ds) OVER (ORDER BY f.ds), r.cutoff) + 1 AS first_day, r.forecast_run_id,
           r.cutoff, max(f.ds) OVER () AS through
    FROM published_forecast p
    JOIN forecast_runs r USING (forecast_run_id)
    JOIN forecasts f USING (forecast_run_id)
    WHERE f.node_id = 0
),
zones AS (
    SELECT DISTINCT timezone FROM locations
),
coming AS MATERIALIZED (
    SELECT z.timezone, d.forecast_run_id, d.last_day AS ds,
           (least(d.last_day, b.before + 7) - greatest(d.first_day - 1, b.before))::float8
               / (d.last_day - d.first_day + 1) AS share
    FROM zones z
    CROSS JOIN periods d
    CROSS JOIN LATERAL (
        SELECT greatest(d.cutoff, local_date(coalesce(CAST(:now AS timestamptz), now()), z.timezone) - 1) AS before
    ) b
    WHERE d.last_day > b.before AND d.first_day <= b.before + 7 AND d.through >= b.before + 7
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
    WHERE f.forecast_run_id = n.forecast_run_id AND f.node_id = n.node_id AND c.timezone = l.timezone
      AND f.ds BETWEEN (SELECT min(ds) FROM coming) AND (SELECT max(ds) FROM coming)
) f ON true
WHERE s.known AND s.on_hand_milli > 0 AND s.on_hand_milli / 1000.0 < f.week
ORDER BY f.week - s.on_hand_milli / 1000.0 DESC
LIMIT 200
