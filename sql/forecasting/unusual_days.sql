-- Days that training takes as usual ones, as it stood at an instant: found by then, and not confirmed by then.
SELECT product_id, location_id, day, usual_milli / 1000.0::float8 AS usual
FROM unusual_days
WHERE found_at <= :at AND NOT (state = 'confirmed' AND decided_at <= :at)
ORDER BY product_id, location_id, day
