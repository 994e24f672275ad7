-- Known shelf-days of the last :days days through :through, and on how many of them the shelf was empty for a time.
SELECT s.day, sum(s.known)::int AS known, sum(s.empty)::int AS empty
FROM shelf_days s
WHERE s.day > CAST(:through AS date) - CAST(:days AS int) AND s.day <= CAST(:through AS date)
GROUP BY s.day
ORDER BY s.day
