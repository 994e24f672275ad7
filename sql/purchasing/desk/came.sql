-- What has come of ordered lines, and when they were ordered. Binds: :ids.
SELECT o.line_id, po.ordered_at, o.received_milli
FROM listed_lines o
JOIN purchase_orders po USING (order_id)
WHERE o.line_id = ANY(:ids)
