-- Shelf-days against the days that they are folded from.
SELECT count(*) AS rows, count(*) FILTER (WHERE (s.known, s.empty) IS DISTINCT FROM (f.known, f.empty)) AS differ
FROM shelf_days s
FULL JOIN fold_shelf_days(NULL, '0001-02-01') f USING (location_id, day)
