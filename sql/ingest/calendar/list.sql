-- Page through the plans of a kind by their row. as_of: as they stood then; history: every row there ever was.
SELECT *
FROM calendar_plans
WHERE kind = :kind
  AND calendar_id > :after
  AND (CAST(:plan AS text) IS NULL OR plan = :plan)
  AND (CAST(:product AS text) IS NULL OR product = :product)
  AND (CAST(:location AS text) IS NULL OR location = :location)
  AND (CAST(:until AS date) IS NULL OR starts_on <= :until)
  AND (CAST(:since AS date) IS NULL OR coalesce(ends_on, 'infinity') >= :since)
  AND (:history OR (known_since <= coalesce(CAST(:as_of AS timestamptz), 'infinity')
                    AND coalesce(withdrawn_at, 'infinity') > coalesce(CAST(:as_of AS timestamptz), now())))
ORDER BY calendar_id
LIMIT :limit
