-- Alerts, open and closed.
-- reads: alerts
SELECT
    alert_id, -- key
    rule, -- out_of_stock, below_reorder_point, silent_feed, …
    product_id, -- key of products; empty for an alert about a feed or an order
    location_id, -- key of locations; empty for an alert about a feed, or an order that goes to several
    feed, -- feed; empty for an alert about stock or an order
    order_id, -- purchase order; empty for all other alerts
    value_milli * 0.001::DECIMAL(4, 3) AS value, -- value that opened it
    limit_milli * 0.001::DECIMAL(4, 3) AS limit_value, -- limit that it broke
    last_value_milli * 0.001::DECIMAL(4, 3) AS last_value, -- newest value
    last_value_at, -- when it was seen (UTC)
    opened_at, -- when it opened (UTC)
    closed_at, -- when it closed (UTC); empty while it is open
    acknowledged_at, -- when somebody acknowledged it (UTC)
    silenced_until -- silenced until then (UTC)
FROM input_alerts
