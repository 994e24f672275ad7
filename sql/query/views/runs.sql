-- Runs of jobs, the ETL and forecasts among them: when each began, how it ended.
-- reads: runs
SELECT
    run_id, -- number of the run
    job, -- etl, forecast, refresh, drift, maintain, import, …
    status, -- running, succeeded or failed
    started_at, -- when it began (UTC)
    finished_at, -- when it ended (UTC); empty while it runs
    error -- why it failed
FROM input_runs
