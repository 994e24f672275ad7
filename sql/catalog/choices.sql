-- What pages can be narrowed to: each location, and each department with its categories.
SELECT 'location' AS kind, code, coalesce(name, code) AS name, region, timezone, NULL AS department, NULL AS category
FROM locations
UNION ALL
(SELECT DISTINCT 'group', NULL, NULL, NULL, NULL, department, category FROM products WHERE department IS NOT NULL
 UNION
 SELECT 'group', NULL, NULL, NULL, NULL, department, NULL FROM products WHERE department IS NOT NULL)
ORDER BY 1, 3, 2, 6, 7 NULLS FIRST
