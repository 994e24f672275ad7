-- The champion steps down, before another steps up in the same transaction.
UPDATE forecast_models SET status = 'retired' WHERE status = 'champion' RETURNING version
