-- How many products a search finds, and how many of them stand on the pages up to a sku.
SELECT count(*) AS found, count(*) FILTER (WHERE p.sku <= :after) AS before
FROM products p
WHERE :q = '' OR p.sku ILIKE '%' || :q || '%' OR p.name ILIKE '%' || :q || '%'
   OR p.department ILIKE '%' || :q || '%' OR p.category ILIKE '%' || :q || '%'
