-- Alerts of transfers that are late.

ALTER TABLE alerts DROP CONSTRAINT alerts_rule_check;
ALTER TABLE alerts ADD CONSTRAINT alerts_rule_check CHECK (rule IN (
    'out_of_stock', 'below_reorder_point', 'negative_balance', 'sensor_disagrees', 'silent_feed', 'reject_storm', 'late_order',
    'late_transfer'
));
COMMENT ON COLUMN alerts.order_id IS 'purchase order or transfer that it is about; its location is set where all of it goes to one';
COMMENT ON COLUMN alerts.details IS 'of an order or transfer, what was late when last seen: supplier or sender, since, lines, units, locations, the line that is worth most';
DROP INDEX commitments_awaited;
CREATE INDEX commitments_awaited ON commitments (expected_on)
    WHERE opened_milli > closed_milli AND purpose IN ('on_order', 'in_transit');
COMMENT ON INDEX commitments_awaited IS 'Serves alerts/judge_late_orders: what is on order or in transit and should have come.';
