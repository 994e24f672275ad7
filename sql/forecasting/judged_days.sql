-- Days that are over in every location's zone, landed, and forecast by a run whose days are kept; with that run: the
-- champion where it did not see the day, else the newest earlier champion that did not.
WITH over AS (
    SELECT least(
        min((CAST(:now AS timestamptz) AT TIME ZONE timezone)::date) - 1,
        (SELECT min((recorded_through AT TIME ZONE timezone)::date) - 1
         FROM lake_versions, locations l WHERE table_name = 'movements'),
        (SELECT max(day) FROM daily_demand)) AS last_day
    FROM locations
),
runs_kept AS (
    SELECT r.forecast_run_id, r.cutoff, r.horizon_days, m.status = 'champion' AS champion, m.version
    FROM forecast_models m
    JOIN forecast_runs r USING (forecast_run_id)
    WHERE m.status IN ('champion', 'retired') AND r.pruned_at IS NULL
),
wanted AS (
    SELECT day::date AS day
    FROM over, generate_series(
        greatest((SELECT min(cutoff) FROM runs_kept) + 1, (SELECT max(day) FROM forecast_drift) - CAST(:late_days AS int)),
        over.last_day, interval '1 day') AS day
)
SELECT w.day, k.forecast_run_id
FROM wanted w
JOIN LATERAL (
    SELECT forecast_run_id FROM runs_kept
    WHERE cutoff < w.day AND w.day <= cutoff + horizon_days
    ORDER BY champion DESC, cutoff DESC, version DESC
    LIMIT 1
) k ON true
ORDER BY w.day
