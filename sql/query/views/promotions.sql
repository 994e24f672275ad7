-- Promotions that ran, with the price before them, up to the last ETL run. Planned ones are in the calendar.
-- reads: lake_promotions
SELECT
    product_id, -- key of products
    location_id, -- key of locations
    day, -- business day on which it began
    from_at, -- when it began (UTC)
    until_at, -- when it ended (UTC); empty while it runs
    price_micros * 0.000001::DECIMAL(7, 6) AS price, -- lowest price in it, in currency
    regular_price_micros * 0.000001::DECIMAL(7, 6) AS regular_price, -- price before it; empty if none is known
    currency, -- currency of the prices
    first_entry_id, -- first entry of movements that it is made of
    last_entry_id -- last one
FROM input_lake_promotions
