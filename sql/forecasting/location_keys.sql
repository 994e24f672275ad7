-- Regions and countries of locations, which plans can be for.
SELECT location_id, code AS location, region, country FROM locations ORDER BY location_id
