-- A forecast run's head; its rows follow in the same transaction. Its number was taken before (`next_run_number`).
INSERT INTO forecast_runs (forecast_run_id, run_id, cutoff, horizon_days, frequency, horizon, one_day, method, lake_version,
                           hierarchy, mlflow_run_id, detail, choice)
OVERRIDING SYSTEM VALUE
VALUES (:forecast_run_id, :run_id, :cutoff, :horizon_days, :frequency, :horizon, :one_day, :method, :lake_version,
        CAST(:hierarchy AS jsonb), :mlflow_run_id, CAST(:detail AS jsonb), CAST(:choice AS jsonb))
