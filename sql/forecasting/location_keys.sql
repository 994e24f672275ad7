-- What plans of regions and countries are for.
SELECT location_id, code AS location, region, country FROM locations ORDER BY location_id
