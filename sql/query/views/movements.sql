-- Every movement of stock and every price and count, each exactly once: what the lake holds, and what was recorded since.
-- reads: lake_movements, live_movements
SELECT
    entry_id, -- number of the row in the ledger
    source, -- system that sent the event
    event_id, -- the event's own id; unique within its source
    leg, -- 0, or 1 for the second row of an event that moves goods between two locations
    kind, -- sale, return, receipt, …: the table kinds says what each does
    product_id, -- key of products
    location_id, -- key of locations
    day, -- business day: the date at the location
    quantity_milli * 0.001::DECIMAL(4, 3) AS quantity, -- units by which stock changes here: below zero for a sale
    observed_milli * 0.001::DECIMAL(4, 3) AS observed, -- units that a count or a sensor saw
    price_micros * 0.000001::DECIMAL(7, 6) AS price, -- price of one unit, in currency
    line_total_micros * 0.000001::DECIMAL(7, 6) AS line_total, -- paid for the whole line, where it is not quantity times price
    currency, -- currency of price and line_total; empty if the event named none
    promotion, -- true if the price was a promotion's
    order_id, -- order or receipt of the till
    order_line, -- line of it
    channel, -- till, web, …
    reason, -- why stock was adjusted
    counterparty, -- supplier of a receipt, device of a reading
    committed_milli * 0.001::DECIMAL(4, 3) AS committed, -- units promised, or brought of what was promised: by an order, a reservation, a dispatch
    reference, -- reservation or transfer that it belongs to; of orders it is order_id
    expected_on, -- day on which an order is expected
    cost_micros * 0.000001::DECIMAL(7, 6) AS cost, -- cost of one unit received, in currency
    lot, -- lot of a receipt
    expires_on, -- day on which the lot expires
    corrects, -- entry_id of the row that this one takes back
    occurred_at, -- when it happened (UTC); at the location: timezone(locations.timezone, occurred_at)
    recorded_at, -- when it was recorded (UTC)
    live -- true if the row is not in the lake yet
FROM (
    SELECT *, false AS live FROM input_lake_movements
    UNION ALL BY NAME
    SELECT *, true AS live FROM input_live_movements
)
