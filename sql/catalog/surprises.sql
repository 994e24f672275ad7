-- Products whose demand on a whole day lay outside the 80 % interval that was forecast before that day: sold, expected, and
-- the interval; by how many widths of it they lie outside. A day out of stock sells less than was wanted, and is no fall.
WITH run AS (
    SELECT forecast_run_id FROM forecast_runs
    WHERE cutoff < CAST(:day AS date) AND pruned_at IS NULL AND frequency = 'D'
    ORDER BY cutoff DESC, forecast_run_id DESC
    LIMIT 1
),
expected AS (
    SELECT n.keys ->> 'product' AS sku, f.yhat AS expected, f.q10 AS low, f.q90 AS high
    FROM run
    JOIN forecast_nodes n USING (forecast_run_id)
    JOIN forecasts f USING (forecast_run_id, node_id)
    WHERE f.ds = CAST(:day AS date) AND n.keys ? 'product'
      AND n.keys = CASE WHEN CAST(:location AS text) IS NULL THEN jsonb_build_object('product', n.keys ->> 'product')
                        ELSE jsonb_build_object('product', n.keys ->> 'product', 'location', CAST(:location AS text)) END
),
sold AS (
    SELECT d.product_id, greatest(sum(d.sold_milli - d.returned_milli), 0) / 1000.0::float8 AS sold, bool_or(d.censored) AS censored
    FROM daily_demand d
    JOIN locations l USING (location_id)
    WHERE d.day = CAST(:day AS date) AND (CAST(:location AS text) IS NULL OR l.code = :location)
    GROUP BY d.product_id
)
SELECT p.sku, coalesce(p.name, p.sku) AS name, p.department, p.unit, coalesce(s.sold, 0) AS sold, e.expected, e.low, e.high,
       greatest(coalesce(s.sold, 0) - e.high, e.low - coalesce(s.sold, 0)) / nullif(e.high - e.low, 0) AS outside
FROM expected e
JOIN products p USING (sku)
LEFT JOIN sold s USING (product_id)
WHERE coalesce(s.sold, 0) > e.high OR (coalesce(s.sold, 0) < e.low AND NOT coalesce(s.censored, false))
ORDER BY outside DESC NULLS LAST, p.sku
