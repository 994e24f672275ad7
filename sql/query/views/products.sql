-- Products: one row each.
-- reads: products
SELECT
    product_id, -- key
    sku, -- code of the product
    name, -- name
    department, -- department
    category, -- category
    unit, -- unit that quantities are in: each, kg, …
    price_micros * 0.000001::DECIMAL(7, 6) AS price, -- list price of one unit, in currency
    currency, -- currency of the price
    created_at, -- when it was made (UTC)
    updated_at -- when it was changed last (UTC)
FROM input_products
