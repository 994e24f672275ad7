-- DuckDB. Rows that are about to land, without those that the lake has.
SELECT *
FROM rows
WHERE entry_id NOT IN (SELECT entry_id FROM landed SEMI JOIN rows USING (product_id, location_id))
