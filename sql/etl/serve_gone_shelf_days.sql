-- Take out the shelf-days of the touched locations from their first touched day on; serve_shelf_days folds them again.
DELETE FROM shelf_days s
USING (SELECT location_id, min(day) AS day FROM staged_demand GROUP BY location_id) t
WHERE s.location_id = t.location_id AND s.day >= t.day
