-- How far the data has come. Counts of large tables are the planner's estimates.
SELECT (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'event_identities'::regclass) AS ledger_rows_about,
       (SELECT max(newest_occurred_at) FROM feed_minutes) AS newest_event,
       (SELECT count(*) FROM rejects) AS rejects,
       (SELECT rows_total FROM lake_versions WHERE table_name = 'movements') AS lake_rows,
       (SELECT recorded_through FROM lake_versions WHERE table_name = 'movements') AS lake_through,
       (SELECT count(*) FROM held_pairs) AS pairs_held_out,
       (SELECT count(*) FROM alert_faults) AS alerts_not_judged,
       (SELECT forecast_run_id FROM published_forecast) AS published_forecast,
       (SELECT published_at FROM published_forecast) AS published_at,
       (SELECT version_num FROM alembic_version) AS schema
