-- Keep messages as they are about to be sent for the first time.
UPDATE deliveries d
SET body = t.body
FROM unnest(CAST(:delivery_ids AS bigint[]), CAST(:bodies AS bytea[])) AS t (delivery_id, body)
WHERE d.delivery_id = t.delivery_id
