-- Put every pair before the rules of alerts, a thousand a row.
INSERT INTO stock_changes (product_ids, location_ids)
SELECT array_agg(product_id ORDER BY product_id, location_id), array_agg(location_id ORDER BY product_id, location_id)
FROM (
    SELECT product_id, location_id, row_number() OVER (ORDER BY product_id, location_id) / 1000 AS chunk FROM stock
) numbered
GROUP BY chunk
