-- Last days of the periods of a run.
SELECT ds FROM forecasts WHERE forecast_run_id = :forecast_run_id AND node_id = 0 ORDER BY ds
