-- Locations that hold stock: one row each.
-- reads: locations
SELECT
    location_id, -- key
    code, -- code of the location
    name, -- name
    region, -- region
    country, -- country
    timezone -- time zone that its business day is in
FROM input_locations
