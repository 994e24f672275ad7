-- Products.
SELECT product_id, sku, name, department, category, unit, price_micros, currency, created_at, updated_at
FROM products
