-- What buyers have decided of pairs, beside which a run proposes: units of a line whose quantity they set; null for what is snoozed
-- beyond today, or was rejected today, and is in no order of today. Binds: :today.
SELECT DISTINCT ON (o.product, o.location)
       o.product, o.location,
       CASE WHEN o.state IN ('proposed', 'waiting') OR (o.state = 'snoozed' AND o.snoozed_until <= :today)
            THEN o.buyer_milli / 1000.0::float8
       END AS units
FROM order_lines o
JOIN locations l ON l.code = o.location
WHERE (o.state IN ('proposed', 'snoozed', 'waiting') AND (o.buyer_milli IS NOT NULL OR o.snoozed_until > :today))
   OR (o.state = 'rejected' AND o.changed_at > CAST(:today AS date) - interval '2 days'
       AND local_date(o.changed_at, l.timezone) >= :today)
ORDER BY o.product, o.location, o.state = 'rejected'
