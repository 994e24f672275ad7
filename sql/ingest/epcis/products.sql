-- Products by what an event calls them: a GTIN in any number of digits as SKU or attribute, or the class as SKU.
SELECT sku, unit, lpad(attributes ->> 'gtin', 14, '0') AS gtin
FROM products
WHERE sku = ANY(CAST(:codes AS text[])) OR lpad(attributes ->> 'gtin', 14, '0') = ANY(CAST(:gtins AS text[]))
ORDER BY product_id
