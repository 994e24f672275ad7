-- Alerts of orders that are late.

ALTER TABLE alerts DROP CONSTRAINT alerts_rule_check;
ALTER TABLE alerts ADD CONSTRAINT alerts_rule_check CHECK (rule IN (
    'out_of_stock', 'below_reorder_point', 'negative_balance', 'sensor_disagrees', 'silent_feed', 'reject_storm', 'late_order'
));
CREATE INDEX commitments_awaited ON commitments (expected_on)
    WHERE opened_milli > closed_milli AND purpose = 'on_order';
COMMENT ON INDEX commitments_awaited IS 'Serves alerts/judge_late_orders: what is on order and should have come.';
