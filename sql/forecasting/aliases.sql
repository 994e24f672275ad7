-- MLflow runs of the champion, and of the newest version where that is another one.
SELECT (SELECT mlflow_run_id FROM forecast_models WHERE status = 'champion') AS champion,
       (SELECT CASE WHEN status <> 'champion' THEN mlflow_run_id END
        FROM forecast_models ORDER BY version DESC LIMIT 1) AS challenger
