-- Judge what is on order by its day: a pair is late while something of it should have come and has not in full. Gives a row
-- for what is late, and for what has an alert open and is late no more: it came, or its order was taken back.
WITH late AS (
    SELECT product_id, location_id, least(sum(opened_milli - closed_milli), 9e18)::bigint AS milli
    FROM commitments
    WHERE purpose = 'on_order' AND opened_milli > closed_milli AND expected_on < (now() AT TIME ZONE 'UTC')::date
    GROUP BY product_id, location_id
),
open_now AS (
    SELECT product_id, location_id FROM alerts WHERE rule = 'late_order' AND closed_at IS NULL
)
SELECT 'late_order' AS rule, product_id, location_id, CAST(NULL AS text) AS feed, late.milli IS NOT NULL AS opens,
       late.milli IS NULL AS closes, coalesce(late.milli, 0) AS value_milli, CAST(0 AS bigint) AS limit_milli
FROM late
FULL JOIN open_now USING (product_id, location_id)
