-- Which product replaces which, from which day, with what share.
SELECT p.sku AS predecessor, s.sku AS successor, starts_on AS first_day, share
FROM successions
JOIN products p ON p.product_id = predecessor_id
JOIN products s ON s.product_id = successor_id
ORDER BY starts_on, predecessor, successor
