-- Have the pairs that the evaluation failed on judged again, and forget what was not failed on since a time.
WITH queued AS (
    INSERT INTO stock_changes (product_ids, location_ids)
    SELECT array_agg(product_id), array_agg(location_id)
    FROM alert_faults
    WHERE product_id IS NOT NULL
    HAVING count(*) > 0
)
DELETE FROM alert_faults WHERE product_id IS NULL OR last_at < now() - make_interval(secs => :older_s)
