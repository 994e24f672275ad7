-- Keep what overrides changed, of each period that is not over: the first forecast that an override meets counts.
INSERT INTO override_days (override_id, ds, forecast_run_id, before, after)
SELECT d.override_id, d.ds, :forecast_run_id, d.before, d.after
FROM jsonb_to_recordset(CAST(:days AS jsonb)) AS d (override_id bigint, ds date, before float8, after float8)
JOIN forecast_overrides o USING (override_id)
WHERE d.ds >= CAST(o.recorded_at AT TIME ZONE 'UTC' AS date)
ON CONFLICT (override_id, ds) DO NOTHING
