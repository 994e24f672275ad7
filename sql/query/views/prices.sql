-- Prices that were set, each with the time for which it held, up to the last ETL run.
-- reads: lake_prices
SELECT
    product_id, -- key of products
    location_id, -- key of locations
    day, -- business day on which it began
    from_at, -- when it began (UTC)
    until_at, -- when the next one began (UTC); empty while it holds
    price_micros * 0.000001::DECIMAL(7, 6) AS price, -- price of one unit, in currency
    price_before_micros * 0.000001::DECIMAL(7, 6) AS price_before, -- the one before it
    currency, -- currency of the price
    promotion, -- true if it is a promotion's
    source, -- system that sent it
    event_id, -- event that set it
    entry_id -- its entry in movements
FROM input_lake_prices
