-- How far each table of the lake has come, and the run that noted it: where the figures of a report come from.
SELECT v.xid_before::text::bigint AS xid_before, to_char(v.recorded_through AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS recorded_through,
       (SELECT max(r.run_id) FROM runs r
        WHERE r.job = 'etl' AND r.started_at <= v.updated_at AND coalesce(r.finished_at, 'infinity') >= v.updated_at) AS run_id
FROM lake_versions v
