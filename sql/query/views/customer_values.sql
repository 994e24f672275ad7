-- What customers are expected to buy in the next 12 months, as the job customer_values predicted it last.
-- reads: lake_customer_values
SELECT
    customer_id AS customer, -- pseudonym of the customer, as in customers
    currency, -- currency of the amounts
    as_of, -- newest day that the prediction knows
    p_alive, -- probability that the customer still buys
    orders, -- days on which the customer is expected to buy
    average, -- expected amount of such a day; empty where nothing could be fitted
    value, -- expected amount of the 12 months
    low, -- with 90 % probability the amount is at least this
    high -- and at most this
FROM input_lake_customer_values
