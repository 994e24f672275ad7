-- Stock at the close of every known shelf-day, up to the last ETL run: also on days without an event, for 28 days after the last.
-- reads: lake_daily_stock
SELECT
    product_id, -- key of products
    location_id, -- key of locations
    day, -- business day
    unit, -- unit that quantities are in
    on_hand_milli * 0.001::DECIMAL(4, 3) AS on_hand, -- units on hand at the end of the day
    out_of_stock, -- true if the shelf was empty for a part of the day
    moved, -- true if something happened on that day
    cost_micros * 0.000001::DECIMAL(7, 6) AS cost, -- average cost of one unit on that day, in currency; empty if nothing came at a cost
    value_micros * 0.000001::DECIMAL(7, 6) AS value, -- stock at that cost
    currency, -- currency of cost and value
    sold_28d_milli * 0.001::DECIMAL(4, 3) AS sold_28d, -- units sold less returns in the 28 days up to it
    cover_days -- days that the stock lasts at that pace; empty if nothing was sold
FROM input_lake_daily_stock
