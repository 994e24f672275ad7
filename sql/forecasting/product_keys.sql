-- Departments and categories of products, which plans can be for, and list prices.
SELECT product_id, sku AS product, department, category, price_micros FROM products ORDER BY product_id
