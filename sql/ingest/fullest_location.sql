-- The location with most units on hand, the first by code of equals.
SELECT l.code
FROM stock s
JOIN locations l USING (location_id)
WHERE s.known
GROUP BY l.code
HAVING sum(greatest(s.on_hand_milli, 0)) > 0
ORDER BY sum(greatest(s.on_hand_milli, 0)) DESC, l.code
LIMIT 1
