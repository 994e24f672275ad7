-- Known shelf-days of the last :days days through :through, and of the same days 52 weeks before, and on how many of them
-- the shelf was empty for a time.
SELECT s.day, sum(s.known)::int AS known, sum(s.empty)::int AS empty
FROM shelf_days s
JOIN locations l USING (location_id)
WHERE (s.day > CAST(:through AS date) - CAST(:days AS int) AND s.day <= CAST(:through AS date)
       OR s.day > CAST(:through AS date) - 364 - CAST(:days AS int) AND s.day <= CAST(:through AS date) - 364)
  AND (CAST(:location AS text) IS NULL OR l.code = :location)
GROUP BY s.day
ORDER BY s.day
