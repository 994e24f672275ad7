-- Lines of orders and receipts of tills: what was sold and brought back of a product, up to the last ETL run.
-- reads: lake_order_lines
SELECT
    source, -- system that sent it
    order_id, -- order or receipt
    order_line, -- line of it; empty if the sender names none
    product_id, -- key of products
    location_id, -- key of locations
    currency, -- currency of the amounts
    unit, -- unit that quantities are in
    customer_id AS customer, -- pseudonym of the customer, as in customers; empty if nobody was named
    channel, -- till, web, …
    day, -- business day of the sale
    ordered_at, -- when it was sold (UTC)
    last_at, -- last sale or return of it (UTC)
    sold_milli * 0.001::DECIMAL(4, 3) AS sold, -- units sold
    returned_milli * 0.001::DECIMAL(4, 3) AS returned, -- units brought back
    sales_micros * 0.000001::DECIMAL(7, 6) AS sales, -- amount sold
    returns_micros * 0.000001::DECIMAL(7, 6) AS returns, -- amount brought back
    promotion, -- true if a price of a promotion was paid
    first_entry_id, -- first entry of movements that it is made of
    last_entry_id -- last one
FROM input_lake_order_lines
