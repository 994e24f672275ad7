-- Orders and receipts of tills, one row for each currency that one has amounts in, up to the last ETL run.
-- reads: lake_orders
SELECT
    source, -- system that sent it
    order_id, -- order or receipt
    currency, -- currency of the amounts
    location_id, -- location of its first line
    customer_id AS customer, -- pseudonym of the customer, as in customers; empty if nobody was named
    channel, -- till, web, …
    day, -- business day of its first line
    ordered_at, -- when it began (UTC)
    last_at, -- last sale or return of it (UTC)
    lines, -- lines in this currency
    products, -- different products
    sales_micros * 0.000001::DECIMAL(7, 6) AS sales, -- amount sold
    returns_micros * 0.000001::DECIMAL(7, 6) AS returns, -- amount brought back
    first_entry_id, -- first entry of movements that it is made of
    last_entry_id -- last one
FROM input_lake_orders
