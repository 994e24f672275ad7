-- Fold the shelf-days of the touched locations again: one row that changes moves the days up to the next one of its pair.
INSERT INTO shelf_days (location_id, day, known, empty)
SELECT f.location_id, f.day, f.known, f.empty
FROM fold_shelf_days(ARRAY(SELECT DISTINCT location_id FROM staged_demand), (SELECT min(day) FROM staged_demand)) f
JOIN (SELECT location_id, min(day) AS day FROM staged_demand GROUP BY location_id) t
    ON t.location_id = f.location_id AND f.day >= t.day
