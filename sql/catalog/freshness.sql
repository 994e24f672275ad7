-- How far each stage has come at :now; the strip under every page's title, and what the state of the data is judged by.
-- zones, places: of the locations that have figures (zones of all while none has). loaded_at: everything recorded before is in the figures. waiting:
-- events received since, by the minute. late_days: of sources, over and not final. importing: the newest import that is under way, or not loaded whole. A run killed
-- long ago is not shown as running.
WITH lake AS (
    SELECT recorded_through, updated_at FROM lake_versions WHERE table_name = 'movements'
),
loaded AS (
    SELECT coalesce((SELECT max(started_at) FROM runs WHERE job = 'etl' AND status = 'succeeded'),
                    (SELECT updated_at FROM lake)) AS at
),
with_figures AS (
    SELECT l.timezone, d.day
    FROM locations l
    CROSS JOIN LATERAL (
        SELECT day FROM location_daily d WHERE d.location_id = l.location_id ORDER BY day DESC LIMIT 1
    ) d
)
SELECT h.newest_event, h.last_received, h.waiting, l.recorded_through AS lake_through, l.updated_at AS lake_updated_at,
       loaded.at AS loaded_at,
       coalesce((SELECT array_agg(DISTINCT timezone ORDER BY timezone) FROM with_figures),
                (SELECT array_agg(DISTINCT timezone ORDER BY timezone) FROM locations)) AS zones,
       (SELECT count(*) FROM with_figures)::int AS places,
       (SELECT max(day) FROM with_figures) AS newest_day,
       (SELECT jsonb_agg(f) FROM feed_completeness(coalesce(CAST(:now AS timestamptz), now()), 7) f
        WHERE f.state IN ('arriving', 'silent')) AS late_days,
       p.forecast_run_id, p.published_at, r.cutoff, r.method,
       (SELECT max(ds) FROM forecasts f WHERE f.forecast_run_id = p.forecast_run_id AND f.node_id = 0) AS forecast_through,
       n.progress, i.importing,
       (SELECT count(*) FROM held_pairs) AS pairs_held_out,
       (SELECT count(*) FROM alert_faults) AS alerts_not_judged,
       (SELECT count(*) FROM alerts WHERE closed_at IS NULL) AS alerts_open
FROM loaded
LEFT JOIN lake l ON true
CROSS JOIN (
    SELECT max(newest_occurred_at) AS newest_event, max(minute) AS last_received,
           coalesce(sum(accepted) FILTER (WHERE minute >= coalesce((SELECT at FROM loaded), '-infinity')), 0)::bigint
               AS waiting
    FROM feed_minutes
) h
LEFT JOIN published_forecast p ON true
LEFT JOIN forecast_runs r USING (forecast_run_id)
LEFT JOIN LATERAL (
    SELECT coalesce(detail->'progress', '{}') AS progress
    FROM runs
    WHERE job = 'forecast' AND status = 'running' AND started_at > coalesce(CAST(:now AS timestamptz), now()) - INTERVAL '6 hours'
    ORDER BY run_id DESC
    LIMIT 1
) n ON true
LEFT JOIN LATERAL (
    -- an import notes its progress every few seconds
    SELECT coalesce(detail->'progress', '{}') || jsonb_build_object('running', status = 'running') AS importing
    FROM runs
    WHERE job = 'import'
      AND (finished_at > loaded.at
           OR (loaded.at IS NULL AND status = 'succeeded')
           OR (status = 'running' AND coalesce(CAST(:now AS timestamptz), now()) - INTERVAL '2 minutes'
               < coalesce(CAST(detail->'progress'->>'noted_at' AS timestamptz), started_at)))
    ORDER BY run_id DESC
    LIMIT 1
) i ON true
