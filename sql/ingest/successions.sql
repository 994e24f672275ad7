-- All successions, for the rules that hold over all of them.
SELECT p.sku AS predecessor, s.sku AS successor, starts_on, share
FROM successions
JOIN products p ON p.product_id = predecessor_id
JOIN products s ON s.product_id = successor_id
ORDER BY starts_on, predecessor, successor
