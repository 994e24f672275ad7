-- The nodes where two runs disagree most over the periods that both forecast, one by one; no row where their periods
-- differ. apart: how far their means are from each other, in widths of their 80 % bands, so that a large node is not
-- first for its size.
WITH nodes AS (
    SELECT a.node_id, a.level_name, a.label, b.node_id AS other_id
    FROM forecast_nodes a
    JOIN forecast_nodes b USING (level_name, unique_id)
    WHERE a.forecast_run_id = :now AND b.forecast_run_id = :before
      AND (SELECT count(DISTINCT frequency) FROM forecast_runs WHERE forecast_run_id IN (:now, :before)) = 1
),
most AS (
    SELECT n.node_id, n.other_id, n.level_name, n.label,
           sum(abs(f.yhat - g.yhat)) / nullif(sum(f.q90 - f.q10 + g.q90 - g.q10) / 2, 0) AS apart,
           greatest(avg(f.yhat), avg(g.yhat)) < 1 AS small
    FROM nodes n
    JOIN forecasts f ON f.forecast_run_id = :now AND f.node_id = n.node_id
    JOIN forecasts g ON g.forecast_run_id = :before AND g.node_id = n.other_id AND g.ds = f.ds
    GROUP BY n.node_id, n.other_id, n.level_name, n.label
    HAVING sum(abs(f.yhat - g.yhat)) > 0
    ORDER BY small, apart DESC NULLS LAST, n.node_id
    LIMIT :limit
)
SELECT m.node_id, m.level_name, m.label, m.apart, f.ds, g.yhat AS before, f.yhat AS now
FROM most m
JOIN forecasts f ON f.forecast_run_id = :now AND f.node_id = m.node_id
JOIN forecasts g ON g.forecast_run_id = :before AND g.node_id = m.other_id AND g.ds = f.ds
ORDER BY m.small, m.apart DESC NULLS LAST, m.node_id, f.ds
