-- Demand of each product, location and day with activity, up to the last ETL run: sales recorded since are in movements.
-- reads: lake_daily_demand
SELECT
    product_id, -- key of products
    location_id, -- key of locations
    day, -- business day: the date at the location
    sold_milli * 0.001::DECIMAL(4, 3) AS sold, -- units sold
    returned_milli * 0.001::DECIMAL(4, 3) AS returned, -- units brought back
    (sold_milli - returned_milli) * 0.001::DECIMAL(4, 3) AS net, -- units sold less returns
    revenue_micros * 0.000001::DECIMAL(7, 6) AS revenue, -- sales less returns at the prices of the lines, in currency
    currency, -- currency of revenue and price; empty if nobody named one
    other_revenue, -- revenue in other currencies as JSON, in millionths; hardly any day has some
    orders, -- orders with this product
    price_micros * 0.000001::DECIMAL(7, 6) AS price, -- price of one unit at the end of the day
    received_milli * 0.001::DECIMAL(4, 3) AS received, -- units received
    adjusted_milli * 0.001::DECIMAL(4, 3) AS adjusted, -- units by which stock was corrected
    promotion, -- true if a promotion ran
    on_hand_milli * 0.001::DECIMAL(4, 3) AS on_hand, -- units on hand at the end of the day; empty while it is not known
    in_stock_share, -- share of the known part of the day with stock
    censored -- true if it was out of stock for a part of the day: demand was more than what was sold
FROM input_lake_daily_demand
