-- Of names that limit rows: those that no product and no location has.
SELECT t.key, t.name
FROM unnest(CAST(:keys AS text[]), CAST(:names AS text[])) AS t (key, name)
WHERE CASE t.key
      WHEN 'product' THEN NOT EXISTS (SELECT FROM products WHERE sku = t.name)
      WHEN 'supplier' THEN NOT EXISTS (SELECT FROM suppliers WHERE supplier = t.name AND withdrawn_at IS NULL)
      WHEN 'department' THEN NOT EXISTS (SELECT FROM products WHERE department = t.name)
      WHEN 'category' THEN NOT EXISTS (SELECT FROM products WHERE category = t.name)
      WHEN 'location' THEN NOT EXISTS (SELECT FROM locations WHERE code = t.name)
      WHEN 'region' THEN NOT EXISTS (SELECT FROM locations WHERE region = t.name)
      ELSE NOT EXISTS (SELECT FROM locations WHERE country = t.name) END
