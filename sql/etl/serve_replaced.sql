-- Take out of the serving copy of daily_demand what the staged rows replace, and what nothing is left of.
DELETE FROM daily_demand d
USING staged_demand s
WHERE (d.product_id, d.location_id, d.day) = (s.product_id, s.location_id, s.day)
