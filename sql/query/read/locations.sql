-- Locations.
SELECT location_id, code, name, region, country, timezone
FROM locations
