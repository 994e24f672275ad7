-- Count the products that a search finds, and those on the pages up to a sku.
SELECT count(*) AS found, count(*) FILTER (WHERE p.sku <= :after) AS before
FROM products p
WHERE :q = '' OR p.sku ILIKE '%' || :q || '%' OR p.name ILIKE '%' || :q || '%'
   OR p.department ILIKE '%' || :q || '%' OR p.category ILIKE '%' || :q || '%'
