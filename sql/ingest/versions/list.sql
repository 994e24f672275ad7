-- Page through the rows of a kind by their number. as_of: as they stood then; history: every row there ever was.
SELECT *
FROM {table}
WHERE {number} > :after{conditions}
  AND (:history OR (known_since <= coalesce(CAST(:as_of AS timestamptz), 'infinity')
                    AND coalesce(withdrawn_at, 'infinity') > coalesce(CAST(:as_of AS timestamptz), now())))
ORDER BY {number}
LIMIT :limit
