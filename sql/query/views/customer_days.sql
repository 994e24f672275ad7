-- Days on which customers bought, one row a customer, currency and day, up to the last ETL run.
-- reads: lake_customers
SELECT
    customer, -- pseudonym of the customer, as in customers
    currency, -- currency of the amounts
    first_day, -- business day of the customer's first sale in this currency
    bought.day AS day, -- business day
    bought.sales_micros * 0.000001::DECIMAL(7, 6) AS sales, -- amount bought on the day
    bought.returns_micros * 0.000001::DECIMAL(7, 6) AS returns -- amount brought back on the same day
FROM (SELECT customer_id AS customer, currency, first_day, unnest(bought_days) AS bought FROM input_lake_customers)
