-- Take out the sums of the touched days of the touched locations; serve_location_daily adds those up that have rows.
DELETE FROM location_daily l
USING (SELECT DISTINCT location_id, day FROM staged_demand) s
WHERE (l.location_id, l.day) = (s.location_id, s.day)
