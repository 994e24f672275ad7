-- Forecast runs that read a version of the lake with transaction :xid, and days up to :day, the newest first. includes:
-- empty where it is not known what the lake held when the run read it.
WITH later AS (
    SELECT r.forecast_run_id, r.created_at, r.cutoff, r.lake_version, r.detail, r.pruned_at,
           (SELECT h.xid_before
            FROM lake_history h
            WHERE h.noted_at <= r.created_at AND CAST(h.versions->>'daily_demand' AS bigint) <= r.lake_version
            ORDER BY h.noted_at DESC, h.history_id DESC
            LIMIT 1) > :xid AS includes
    FROM forecast_runs r
    WHERE r.created_at >= :recorded_at AND r.cutoff >= :day
)
SELECT l.forecast_run_id, l.created_at, l.cutoff, l.lake_version, m.version, m.status, l.includes,
       l.forecast_run_id IS NOT DISTINCT FROM (SELECT p.forecast_run_id FROM published_forecast p) AS published,
       coalesce(l.detail->'not_final', '[]') AS not_final, l.pruned_at IS NOT NULL AS pruned,
       count(*) OVER () AS found
FROM later l
LEFT JOIN forecast_models m USING (forecast_run_id)
WHERE l.includes IS NOT FALSE
ORDER BY l.forecast_run_id DESC
LIMIT :limit
