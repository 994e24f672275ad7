-- DuckDB, over the lake. Products with the keys that leaves are grouped by.
SELECT product_id, sku AS product, department, category, coalesce(name, sku) AS product_name FROM products
