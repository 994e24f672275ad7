-- Alerts, open and closed, without who handled them.
SELECT alert_id, rule, product_id, location_id, feed, order_id, value_milli, limit_milli, last_value_milli, last_value_at,
       opened_at, closed_at, acknowledged_at, silenced_until
FROM alerts
