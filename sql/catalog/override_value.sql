-- What overrides were worth: the errors of the forecast before each and with it, on the periods that are over, of the last
-- year. By override, planner, reason, level, and in all. What came is that of the published run's own history.
WITH run AS (
    SELECT p.forecast_run_id, r.cutoff FROM published_forecast p JOIN forecast_runs r USING (forecast_run_id)
),
judged AS (
    SELECT o.override_id, d.ds, d.before, d.after, o.recorded_by, o.reason, run.forecast_run_id,
           jsonb_strip_nulls(jsonb_build_object('product', o.product, 'department', o.department, 'category', o.category,
                                                'location', o.location, 'region', o.region, 'country', o.country)) AS scope
    FROM override_days d
    JOIN forecast_overrides o USING (override_id)
    JOIN run ON d.ds <= run.cutoff AND d.ds > run.cutoff - 365
),
scopes AS (
    SELECT DISTINCT forecast_run_id, scope FROM judged
),
items AS (
    SELECT s.scope, n.node_id
    FROM scopes s
    JOIN forecast_nodes n ON n.forecast_run_id = s.forecast_run_id AND n.keys = s.scope
    UNION ALL
    -- no item is just this: its leaves
    SELECT s.scope, n.node_id
    FROM scopes s
    JOIN forecast_nodes n ON n.forecast_run_id = s.forecast_run_id
                         AND n.level = (SELECT max(level) FROM forecast_nodes WHERE forecast_run_id = s.forecast_run_id)
    LEFT JOIN products p ON p.sku = n.keys ->> 'product'
    LEFT JOIN locations l ON l.code = n.keys ->> 'location'
    WHERE NOT EXISTS (SELECT FROM forecast_nodes o WHERE o.forecast_run_id = s.forecast_run_id AND o.keys = s.scope)
      AND jsonb_build_object('product', p.sku, 'department', p.department, 'category', p.category, 'location', l.code,
                             'region', l.region, 'country', l.country) @> s.scope
),
came AS (
    SELECT j.override_id, j.ds, j.before, j.after, j.recorded_by, j.reason,
           CASE WHEN j.scope = '{}' THEN 'total'
                ELSE (SELECT string_agg(k.key, ' / ' ORDER BY k.place)
                      FROM unnest(ARRAY['country', 'region', 'location', 'department', 'category', 'product'])
                           WITH ORDINALITY AS k (key, place)
                      WHERE j.scope ? k.key) END AS level,
           sum(coalesce(a.y, 0)) AS y
    FROM judged j
    JOIN items i USING (scope)
    LEFT JOIN forecast_actuals a ON a.forecast_run_id = j.forecast_run_id AND a.node_id = i.node_id AND a.ds = j.ds
    GROUP BY j.override_id, j.ds, j.before, j.after, j.recorded_by, j.reason, j.scope
)
SELECT CASE WHEN GROUPING(override_id) = 0 THEN 'override' WHEN GROUPING(recorded_by) = 0 THEN 'planner'
            WHEN GROUPING(reason) = 0 THEN 'reason' WHEN GROUPING(level) = 0 THEN 'level' ELSE 'all' END AS by,
       coalesce(override_id::text, recorded_by, reason, level, 'all') AS name,
       count(DISTINCT came.override_id)::int AS overrides, count(*)::int AS periods, sum(y) AS came, sum(before) AS before,
       sum(after) AS after, sum(abs(y - before)) AS error_before, sum(abs(y - after)) AS error_after
FROM came
GROUP BY GROUPING SETS ((override_id), (recorded_by), (reason), (level), ())
HAVING count(*) > 0
ORDER BY 1, sum(abs(y - before)) - sum(abs(y - after)) DESC, 2
