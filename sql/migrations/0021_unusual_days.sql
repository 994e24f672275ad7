-- Days that sold far more than their pair ever did around them: not learnt from until somebody confirms them.

CREATE TABLE unusual_days (
    product_id  int NOT NULL REFERENCES products,
    location_id int NOT NULL REFERENCES locations,
    day         date NOT NULL,
    sold_milli  bigint NOT NULL,
    usual_milli bigint NOT NULL,
    state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'confirmed', 'excluded')),
    found_at    timestamptz NOT NULL DEFAULT now(),
    decided_at  timestamptz,
    decided_by  text,
    reason      text,
    PRIMARY KEY (product_id, location_id, day),
    CHECK ((state = 'open') = (decided_at IS NULL))
);
COMMENT ON TABLE unusual_days IS 'Days whose units sold are beyond all that the pair sold around them, as a mistyped quantity is. Open ones wait for somebody''s decision; open and excluded ones count as a usual day in training.';
COMMENT ON COLUMN unusual_days.sold_milli IS 'what the day sold when it was found; a decision holds for this amount alone';
COMMENT ON COLUMN unusual_days.usual_milli IS 'the median of the pair''s days with sales within half a year: what the day counts as in training';
COMMENT ON COLUMN unusual_days.state IS 'open: nobody has decided; confirmed: it is true demand; excluded: it is an error';
COMMENT ON INDEX unusual_days_pkey IS 'Serves etl/flag_unusual_days, catalog/unusual_days';
GRANT SELECT ON unusual_days TO stocktide_reader;

-- Of a bigint, what a pair is worth had an end; a sum over pairs had it sooner.
DROP VIEW stock_position;
CREATE VIEW stock_position AS
SELECT s.product_id,
       s.location_id,
       s.on_hand_milli,
       coalesce(c.on_order_milli, 0) AS on_order_milli,
       coalesce(c.in_transit_milli, 0) AS in_transit_milli,
       coalesce(c.promised_milli, 0) AS promised_milli,
       s.on_hand_milli - coalesce(c.promised_milli, 0) AS available_milli,
       s.cost_micros,
       round(s.cost_micros::numeric * s.on_hand_milli / 1000) AS value_micros
FROM stock s
LEFT JOIN LATERAL (
    SELECT sum(opened_milli - closed_milli) FILTER (WHERE purpose = 'on_order')::bigint AS on_order_milli,
           sum(opened_milli - closed_milli) FILTER (WHERE purpose = 'in_transit')::bigint AS in_transit_milli,
           sum(opened_milli - closed_milli) FILTER (WHERE purpose = 'promised')::bigint AS promised_milli
    FROM commitments
    WHERE product_id = s.product_id AND location_id = s.location_id AND opened_milli > closed_milli
) c ON true;
COMMENT ON VIEW stock_position IS 'Inventory position: on hand, less what is promised; what is on order; what it is worth.';
COMMENT ON INDEX commitments_open IS 'Serves the view stock_position: what a pair has open.';
GRANT SELECT ON stock_position TO stocktide_reader;
