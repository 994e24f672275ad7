-- All locations, for choosing.
SELECT code, name, region, country FROM locations ORDER BY coalesce(name, code)
