-- The rules of approval that are in force, in the order in which they were recorded.
SELECT supplier, product, category, department, location, region, country, abc, approve, amount_micros, factor, change
FROM approval_rules
WHERE withdrawn_at IS NULL
ORDER BY term_id
