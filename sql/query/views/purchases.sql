-- What was ordered from suppliers and what came of it, by order, product and location, up to the last ETL run.
-- reads: lake_purchases
SELECT
    order_id, -- order
    order_line, -- line of it; empty if the sender names none
    product_id, -- key of products
    location_id, -- key of locations
    supplier, -- supplier, as the order names it
    unit, -- unit that quantities are in
    day, -- business day of the order, or of its first receipt
    ordered_at, -- when it was ordered (UTC); empty if only receipts name it
    expected_on, -- day on which it is expected
    ordered_milli * 0.001::DECIMAL(4, 3) AS ordered, -- units ordered
    received_milli * 0.001::DECIMAL(4, 3) AS received, -- units received
    receipts, -- number of receipts
    first_received_at, -- first receipt (UTC)
    last_received_at, -- last receipt (UTC)
    list_transform(received_days, lambda d: {'day': d.day, 'received': d.received_milli * 0.001::DECIMAL(4, 3)}) AS received_days, -- units received by business day
    cost_micros * 0.000001::DECIMAL(7, 6) AS cost, -- cost of one unit of the last receipt that names one, in currency
    currency, -- currency of the cost
    first_entry_id, -- first entry of movements that it is made of
    last_entry_id -- last one
FROM input_lake_purchases
