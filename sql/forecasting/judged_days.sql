-- Periods (days, weeks, months, quarters) that are over in every location's zone, landed, and forecast by a run whose
-- days are kept; with that run: the champion where it did not see the period, else the newest earlier champion of its
-- rhythm that did not. day: the last day of the period. Where a period's sales are dated on one of its days, sales of any of
-- its days show that they have arrived.
WITH over AS (
    SELECT least(
        min(local_date(CAST(:now AS timestamptz), timezone)) - 1,
        (SELECT min(local_date(recorded_through, timezone)) - 1
         FROM lake_versions, locations l WHERE table_name = 'movements')) AS last_day,
        (SELECT max(day) FROM daily_demand) AS last_sold
    FROM locations
),
runs_kept AS (
    SELECT r.forecast_run_id, r.cutoff, r.frequency, r.one_day, m.status = 'champion' AS champion, m.version
    FROM forecast_models m
    JOIN forecast_runs r USING (forecast_run_id)
    WHERE m.status IN ('champion', 'retired') AND r.pruned_at IS NULL
      AND r.frequency = (SELECT c.frequency FROM forecast_models JOIN forecast_runs c USING (forecast_run_id)
                         WHERE status = 'champion')
),
-- all nodes of a run have the same periods
periods AS (
    SELECT k.*, coalesce(lag(f.ds) OVER (PARTITION BY k.forecast_run_id ORDER BY f.ds), k.cutoff) + 1 AS first_day,
           f.ds AS day
    FROM runs_kept k
    JOIN forecasts f ON f.forecast_run_id = k.forecast_run_id AND f.node_id = 0
)
SELECT DISTINCT ON (p.day) p.day, p.first_day, p.forecast_run_id, p.frequency
FROM periods p
CROSS JOIN over
WHERE p.day <= over.last_day
  AND over.last_sold >= CASE WHEN p.one_day THEN p.first_day ELSE p.day END
  AND p.day >= coalesce((SELECT max(day) FROM forecast_drift d WHERE d.frequency = p.frequency)
                        - CAST(:late_days AS int), p.day)
ORDER BY p.day, p.champion DESC, p.cutoff DESC, p.version DESC
