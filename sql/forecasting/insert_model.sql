-- Every finished run becomes a version, a challenger until it is decided on.
INSERT INTO forecast_models (forecast_run_id, mlflow_run_id, cutoff, score)
VALUES (:forecast_run_id, :mlflow_run_id, :cutoff, :score)
RETURNING version
