-- Customers by pseudonym, one row for each currency that one bought in, up to the last ETL run.
-- reads: lake_customers
SELECT
    customer_id AS customer, -- pseudonym of the customer, such as c_kq3x5mhd2vw7ncae; it says nothing of who it is
    currency, -- currency of the amounts; empty if nobody named one
    first_day, -- business day of the first sale; empty for one who only brought things back
    last_day, -- business day of the last sale
    days, -- days on which the customer bought
    orders, -- orders and receipts of tills
    locations, -- different locations
    sales_micros * 0.000001::DECIMAL(7, 6) AS sales, -- amount bought
    returns_micros * 0.000001::DECIMAL(7, 6) AS returns, -- amount brought back
    first_entry_id, -- first entry of movements that it is made of
    last_entry_id -- last one
FROM input_lake_customers
