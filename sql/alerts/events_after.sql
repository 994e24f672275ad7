-- What happened to alerts after an event, in order: a page of it.
SELECT e.event_id, e.change, e.at, e.value_milli, e.limit_milli, e.details, e.by, e.reason,
       a.alert_id, a.rule, p.sku AS product, p.name AS product_name, l.code AS location, l.name AS location_name,
       a.feed, a.order_id, p.unit, a.opened_at
FROM alert_events e
JOIN alerts a USING (alert_id)
LEFT JOIN products p USING (product_id)
LEFT JOIN locations l USING (location_id)
WHERE e.event_id > :after
ORDER BY e.event_id
LIMIT :limit
