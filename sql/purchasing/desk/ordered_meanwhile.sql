-- Pairs of which something was ordered, or was rejected today, that a run did not see. Today is a day at the location, unless
-- :today says which. Binds: :snapshot of the run, :today.
SELECT DISTINCT product, location
FROM order_lines o
JOIN locations l ON l.code = o.location
WHERE (order_id IS NOT NULL AND NOT pg_visible_in_snapshot(ordered_xid, CAST(:snapshot AS pg_snapshot)))
   OR (state = 'rejected'
       -- no place is two days ahead of another
       AND changed_at > coalesce(CAST(:today AS date), current_date) - interval '2 days'
       AND local_date(changed_at, l.timezone) >= coalesce(CAST(:today AS date), local_date(now(), l.timezone)))
