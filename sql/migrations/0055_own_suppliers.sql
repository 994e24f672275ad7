-- A supplier may be one of our own locations: its lines are transfers, not purchases.

ALTER TABLE suppliers ADD COLUMN location text COLLATE "C" REFERENCES locations (code);
COMMENT ON COLUMN suppliers.location IS 'the location of ours that it is, such as a warehouse; null: another company';

ALTER TABLE order_lines ADD COLUMN source text COLLATE "C" REFERENCES locations (code);
COMMENT ON COLUMN order_lines.source IS 'the location of ours that the goods come from; null: they are bought';

ALTER TABLE purchase_orders ADD COLUMN source text COLLATE "C" REFERENCES locations (code);
COMMENT ON COLUMN purchase_orders.source IS 'the location of ours that it is a transfer from, and no purchase; null: bought';
