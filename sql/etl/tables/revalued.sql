-- The pairs whose average cost took a step since the last run that ended well began, and the blocks of these steps.
SELECT product_id, location_id, block
FROM valuations
WHERE recorded_at >= (SELECT coalesce(max(started_at), '-infinity') FROM runs WHERE job = 'etl' AND status = 'succeeded')
