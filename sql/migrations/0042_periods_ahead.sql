-- Which periods of the published forecast are the coming days: one rule for what will run out, expected or by chance.

CREATE FUNCTION periods_ahead(at timestamptz, days integer)
    RETURNS TABLE (timezone text, forecast_run_id bigint, ds date, number integer, share double precision)
    LANGUAGE sql STABLE AS $$
    WITH periods AS (
        SELECT f.ds AS last_day, coalesce(lag(f.ds) OVER (ORDER BY f.ds), r.cutoff) + 1 AS first_day, r.forecast_run_id,
               r.cutoff, max(f.ds) OVER () AS through, row_number() OVER (ORDER BY f.ds)::int AS number
        FROM published_forecast p
        JOIN forecast_runs r USING (forecast_run_id)
        JOIN forecasts f USING (forecast_run_id)
        WHERE f.node_id = 0
    ),
    zones AS (
        SELECT DISTINCT l.timezone FROM locations l
    )
    SELECT z.timezone, d.forecast_run_id, d.last_day, d.number,
           (least(d.last_day, b.before + days) - greatest(d.first_day - 1, b.before))::float8
               / (d.last_day - d.first_day + 1)
    FROM zones z
    CROSS JOIN periods d
    CROSS JOIN LATERAL (SELECT greatest(d.cutoff, local_date(at, z.timezone) - 1) AS before) b
    WHERE d.last_day > b.before AND d.first_day <= b.before + days AND d.through >= b.before + days
$$;
COMMENT ON FUNCTION periods_ahead IS 'Periods of the published forecast that the coming days are in, by time zone, each with its number from the first one ahead on and the share of it that is in these days. They begin with the zone''s own today, or where the forecast''s days begin, if that is later. None where the forecast ends before they do.';
