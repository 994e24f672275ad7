-- What one unit of each currency is worth in each other that the chain names, on a day; null where no rate is known.
WITH named AS (
    SELECT currency FROM suppliers WHERE withdrawn_at IS NULL
    UNION SELECT currency FROM supplier_products WHERE withdrawn_at IS NULL
    UNION SELECT currency FROM stock_costs WHERE withdrawn_at IS NULL
    UNION SELECT currency FROM stock
    UNION SELECT cost_currency FROM stock
    UNION SELECT currency FROM products
    UNION SELECT currency FROM buyer_budgets WHERE withdrawn_at IS NULL
    UNION SELECT currency FROM order_lines WHERE state = 'ordered'
)
SELECT a.currency AS base, b.currency AS quote, rate_on(a.currency, b.currency, CAST(:today AS date))::float8 AS rate
FROM named a
CROSS JOIN named b
WHERE a.currency IS NOT NULL AND b.currency IS NOT NULL
