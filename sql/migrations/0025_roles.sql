-- A role for each part that runs beside the owner: it owns nothing, and changes what its part changes.
-- stocktide_api: API and MQTT. stocktide_worker: ETL, forecasts and alerts. They sign in where `stocktide up` runs the
-- database, or where its administrator lets them; whoever may not make roles goes on as the owner alone.

CREATE FUNCTION grant_to_part(part text, rights text, tables text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = part) THEN
        EXECUTE format('GRANT %s ON %s TO %I', rights,
                       (SELECT string_agg(format('%I', name), ', ') FROM unnest(tables) AS name), part);
    END IF;
END $$;
COMMENT ON FUNCTION grant_to_part IS 'Grants rights on tables to stocktide_api or stocktide_worker, where the role exists: each migration that makes a table calls it.';

DO $$
DECLARE
    part text;
BEGIN
    FOREACH part IN ARRAY ARRAY['stocktide_api', 'stocktide_worker'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', part);
        EXCEPTION
            -- as for stocktide_reader, or a managed server makes roles itself
            WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL;
        END;
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = part) THEN
            EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', part);
            EXECUTE format('GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO %I', part);
        END IF;
    END LOOP;
    -- nobody makes temporary tables but the ETL; only a database's owner can say so
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'stocktide_worker') THEN
        EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO stocktide_worker', current_database());
    END IF;
END $$;

-- What both read: all but what signs people in.
SELECT grant_to_part(part, 'SELECT', array_agg(c.relname::text))
FROM pg_class c, unnest(ARRAY['stocktide_api', 'stocktide_worker']) AS part
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
  AND (part = 'stocktide_api' OR c.relname NOT IN ('users', 'open_sessions', 'access_keys'))
GROUP BY part;
SELECT grant_to_part('stocktide_worker', 'SELECT (key_id, name, scope, created_at, last_used_at, revoked_at, kinds, '
    'locations, sources, rate, expires_at, expect_every_s)', ARRAY['access_keys']);

-- The queue of jobs.
SELECT grant_to_part(part, 'INSERT, UPDATE, DELETE', array_agg(c.relname::text))
FROM pg_class c, unnest(ARRAY['stocktide_api', 'stocktide_worker']) AS part
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname LIKE 'procrastinate\_%'
GROUP BY part;

-- The API: events and what follows from them, plans, rejects, EPCIS, sign-ins, and decisions of people.
SELECT grant_to_part('stocktide_api', 'INSERT', ARRAY[
    'ledger', 'event_identities', 'reject_actions', 'alert_events', 'forecast_decisions']);
SELECT grant_to_part('stocktide_api', 'INSERT, UPDATE', ARRAY[
    'products', 'locations', 'sources', 'stock', 'stock_changes', 'lots', 'commitments', 'corrections',
    'rejects', 'feed_minutes', 'runs', 'epcis_captures', 'epcis_events', 'epcis_vocabulary', 'calendar_events',
    'planned_prices', 'planned_promotions', 'planned_closures', 'planned_regressors', 'alerts', 'alert_silences',
    'forecast_models', 'published_forecast', 'unusual_days', 'watched_files']);
SELECT grant_to_part('stocktide_api', 'INSERT, UPDATE, DELETE', ARRAY[
    'successions', 'valuations', 'epcis_movements', 'mqtt_first_seen', 'reorder_points', 'webhooks', 'deliveries', 'sessions',
    'sign_in_attempts']);
SELECT grant_to_part('stocktide_api', 'UPDATE (last_used_at)', ARRAY['access_keys']);

-- The worker: what the ETL serves, forecasts, and alerts with their deliveries.
SELECT grant_to_part('stocktide_worker', 'INSERT', ARRAY['alert_events', 'forecast_decisions']);
SELECT grant_to_part('stocktide_worker', 'INSERT, UPDATE', ARRAY['runs', 'alerts', 'alert_silences', 'webhooks']);
SELECT grant_to_part('stocktide_worker', 'INSERT, UPDATE, DELETE', ARRAY[
    'lake_versions', 'daily_demand', 'location_daily', 'served_tables', 'unusual_days', 'forecast_models',
    'forecast_runs', 'forecast_nodes', 'forecasts', 'forecast_components', 'forecast_paths', 'forecast_scores',
    'forecast_errors', 'forecast_actuals', 'forecast_drift', 'published_forecast', 'alert_limits', 'feed_rhythms',
    'deliveries', 'stock_changes']);
-- and, every night, rows that are too old.
SELECT grant_to_part('stocktide_worker', 'DELETE', ARRAY[
    'rejects', 'feed_minutes', 'runs', 'sessions', 'sign_in_attempts', 'watched_files', 'epcis_captures']);

-- Makes tables, so it runs as the owner, for whoever records.
ALTER FUNCTION ensure_ledger_partitions(date, integer) SECURITY DEFINER;
ALTER FUNCTION ensure_ledger_partitions(date, integer) SET search_path = public, pg_temp;
REVOKE EXECUTE ON FUNCTION ensure_ledger_partitions(date, integer) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION grant_to_part(text, text, text[]) FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'stocktide_api') THEN
        GRANT EXECUTE ON FUNCTION ensure_ledger_partitions(date, integer) TO stocktide_api;
    END IF;
END $$;
