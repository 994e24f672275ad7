-- Departments and categories of products, which plans can be for, and list prices with their currency, which is that of
-- planned prices.
SELECT product_id, sku AS product, department, category, price_micros, currency FROM products ORDER BY product_id
