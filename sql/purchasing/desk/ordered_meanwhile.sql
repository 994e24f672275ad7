-- Pairs of which something was ordered, or was rejected today, that a run did not see. Binds: :snapshot of the run, :today.
SELECT DISTINCT product, location
FROM order_lines
WHERE (order_id IS NOT NULL AND NOT pg_visible_in_snapshot(ordered_xid, CAST(:snapshot AS pg_snapshot)))
   OR (state = 'rejected' AND changed_at >= CAST(:today AS date))
