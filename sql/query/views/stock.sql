-- Stock now, of each product at each location.
-- reads: stock
SELECT
    product_id, -- key of products
    location_id, -- key of locations
    on_hand_milli * 0.001::DECIMAL(4, 3) AS on_hand, -- units on hand; empty before the first receipt or count and below zero
    book_milli * 0.001::DECIMAL(4, 3) AS book, -- units that the ledger adds up to, known or not
    known, -- true once a receipt or a count was seen
    counted_at, -- last stocktake (UTC)
    sensed_milli * 0.001::DECIMAL(4, 3) AS sensed, -- units that a sensor saw last
    sensed_at, -- when it did (UTC)
    on_order_milli * 0.001::DECIMAL(4, 3) AS on_order, -- units ordered and not received
    in_transit_milli * 0.001::DECIMAL(4, 3) AS in_transit, -- units on their way here
    promised_milli * 0.001::DECIMAL(4, 3) AS reserved, -- units promised to orders
    price_micros * 0.000001::DECIMAL(7, 6) AS price, -- price of one unit here, in currency
    currency, -- currency of the price
    promotion, -- true if a promotion runs
    cost_micros * 0.000001::DECIMAL(7, 6) AS cost, -- moving average cost of one unit, in cost_currency
    cost_currency, -- currency of the cost
    last_sale_at, -- last sale (UTC)
    updated_at -- when the row changed last (UTC)
FROM input_stock
