-- A forecast run's head; its rows follow in the same transaction.
INSERT INTO forecast_runs (run_id, cutoff, horizon_days, frequency, horizon, one_day, method, lake_version, hierarchy,
                           mlflow_run_id, detail, choice)
VALUES (:run_id, :cutoff, :horizon_days, :frequency, :horizon, :one_day, :method, :lake_version,
        CAST(:hierarchy AS jsonb), :mlflow_run_id, CAST(:detail AS jsonb), CAST(:choice AS jsonb))
RETURNING forecast_run_id
