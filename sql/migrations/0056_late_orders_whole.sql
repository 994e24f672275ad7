-- One alert for an order that is late, whatever it has of lines. What is open for single shelves is closed by the first look at
-- orders after this step, as any alert whose reason is gone.

ALTER TABLE alerts ADD COLUMN order_id text, ADD COLUMN details jsonb;
COMMENT ON COLUMN alerts.order_id IS 'purchase order that it is about; its location is set where all of the order goes to one';
COMMENT ON COLUMN alerts.details IS 'of an order, what was late when last seen: supplier, since, lines, units, locations, the line that is worth most';
ALTER TABLE alerts ALTER COLUMN subject SET EXPRESSION
    AS (coalesce(feed, order_id, product_id::text || '/' || location_id::text));
ALTER TABLE alerts DROP CONSTRAINT alerts_check;
ALTER TABLE alerts ADD CONSTRAINT alerts_of_one_subject CHECK (
    num_nonnulls(feed, order_id, product_id) = 1 AND (product_id IS NULL OR location_id IS NOT NULL)
    AND (feed IS NULL OR location_id IS NULL)
);
ALTER TABLE alert_events ADD COLUMN details jsonb;
COMMENT ON COLUMN alert_events.details IS 'as in alerts, at that time';
