-- Codes that look like one that is unknown: about as long, with a part of it. The nearest are found among these.
SELECT code
FROM (SELECT sku AS code FROM products WHERE :dimension = 'product'
      UNION ALL
      SELECT code FROM locations WHERE :dimension = 'location') known
WHERE length(code) BETWEEN length(:code) - 3 AND length(:code) + 3
  AND (lower(left(code, 2)) = lower(left(:code, 2)) OR lower(right(code, 3)) = lower(right(:code, 3))
       OR strpos(lower(code), lower(left(:code, 4))) > 0)
ORDER BY abs(length(code) - length(:code)), code
LIMIT 2000
