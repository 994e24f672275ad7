-- What a supplier was sent stays as it was sent: with the line of an order its day, pack, code, unit and names are kept, as its
-- price is. Which list of the desk a line is in is said in one place. A request is kept whole, so that another one under its id is
-- known for one.

ALTER TABLE order_lines
    ADD COLUMN expected_on date,
    ADD COLUMN pack_milli bigint CHECK (pack_milli > 0),
    ADD COLUMN supplier_sku text,
    ADD COLUMN unit text,
    ADD COLUMN product_name text,
    ADD COLUMN location_name text;
COMMENT ON COLUMN order_lines.expected_on IS 'the day of its event in the ledger, where the orders of cancelled lines are open no more';
COMMENT ON COLUMN order_lines.pack_milli IS 'this and the next are kept when it is ordered, as its supplier got them; units in a pack';
COMMENT ON COLUMN order_lines.supplier_sku IS 'the supplier''s own code';
ALTER TABLE purchase_orders
    ADD COLUMN supplier_name text,
    ADD COLUMN email text;
COMMENT ON COLUMN purchase_orders.expected_on IS 'when lines are expected that say no day of their own, as it was ordered';
COMMENT ON COLUMN purchase_orders.supplier_name IS 'name and address to which it was sent';

-- Orders from before: by the terms that were in force when they were made, else by what is known now.
ALTER TABLE order_lines DISABLE TRIGGER order_lines_stay;
UPDATE order_lines o
SET expected_on = coalesce(c.expected_on, e.expected_on, po.expected_on), pack_milli = sp.pack_milli, supplier_sku = sp.sku,
    unit = p.unit, product_name = coalesce(p.name, p.sku), location_name = coalesce(l.name, l.code)
FROM order_lines self
JOIN purchase_orders po USING (order_id)
JOIN products p ON p.sku = self.product
JOIN locations l ON l.code = self.location
LEFT JOIN LATERAL (
    SELECT s.pack_milli, s.sku
    FROM supplier_products s
    WHERE s.supplier = po.supplier AND s.product = self.product AND s.recorded_at <= po.ordered_at
      AND (s.withdrawn_at IS NULL OR s.withdrawn_at > po.ordered_at)
    ORDER BY s.recorded_at DESC
    LIMIT 1
) sp ON true
LEFT JOIN commitments c ON c.purpose = CASE WHEN self.source IS NULL THEN 'on_order' ELSE 'in_transit' END
                       AND c.reference = CASE WHEN self.source IS NULL THEN self.order_id ELSE self.order_id || '-' || self.order_line END
                       AND c.product_id = p.product_id AND c.location_id = l.location_id
-- what a cancelled line's event said, which is in force no more
LEFT JOIN LATERAL (
    SELECT g.expected_on
    FROM sources s
    JOIN event_identities i USING (source_id)
    JOIN ledger g ON g.product_id = i.product_id AND g.location_id = i.location_id AND g.entry_id = i.entry_id
    WHERE s.source = '/stocktide/orders' AND i.event_id = self.order_id || '-' || self.order_line
) e ON self.state = 'cancelled'
WHERE o.line_id = self.line_id;
ALTER TABLE order_lines ENABLE TRIGGER order_lines_stay;
UPDATE purchase_orders po
SET supplier_name = s.name, email = s.email
FROM suppliers s
WHERE s.supplier = po.supplier AND s.withdrawn_at IS NULL;

CREATE OR REPLACE FUNCTION keep_what_was_ordered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (OLD.state = 'ordered' AND (NEW.state <> 'cancelled'
           OR (NEW.order_id, NEW.order_line, NEW.ordered_milli, NEW.supplier, NEW.product, NEW.location, NEW.price_micros, NEW.currency,
               NEW.expected_on, NEW.pack_milli, NEW.supplier_sku, NEW.unit, NEW.product_name, NEW.location_name)
              IS DISTINCT FROM
              (OLD.order_id, OLD.order_line, OLD.ordered_milli, OLD.supplier, OLD.product, OLD.location, OLD.price_micros, OLD.currency,
               OLD.expected_on, OLD.pack_milli, OLD.supplier_sku, OLD.unit, OLD.product_name, OLD.location_name)))
       OR OLD.state IN ('rejected', 'withdrawn', 'cancelled') THEN
        RAISE EXCEPTION 'line % is %: it is not changed any more', OLD.line_id, OLD.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE VIEW listed_lines AS
SELECT o.*, p.product_id, l.location_id, CASE WHEN o.order_id IS NOT NULL THEN coalesce(c.closed_milli, 0) END AS received_milli,
       CASE WHEN o.state IN ('proposed', 'waiting') THEN ARRAY[o.state, 'open']
            WHEN o.state <> 'ordered' THEN ARRAY[o.state]
            WHEN c.closed_milli >= o.ordered_milli THEN ARRAY['received']
            -- no zone is more than a day ahead
            WHEN c.opened_milli > c.closed_milli AND c.expected_on <= (now() AT TIME ZONE 'UTC')::date
                 AND c.expected_on < local_date(now(), l.timezone) THEN ARRAY[o.state, 'late']
            ELSE ARRAY[o.state] END AS lists
FROM order_lines o
JOIN products p ON p.sku = o.product
JOIN locations l ON l.code = o.location
LEFT JOIN commitments c ON c.purpose = CASE WHEN o.source IS NULL THEN 'on_order' ELSE 'in_transit' END
                       AND c.reference = CASE WHEN o.source IS NULL THEN o.order_id ELSE o.order_id || '-' || o.order_line END
                       AND c.product_id = p.product_id AND c.location_id = l.location_id;
COMMENT ON VIEW listed_lines IS 'Lines of the order desk with the lists that each is in, and what has come of it: open are those that are proposed or wait; ordered those that have not come in full, late those of them whose day is over where they go, by the ledger, as alerts judge it; received have come in full. What a location of ours sends is in transit under its order and line.';
GRANT SELECT ON listed_lines TO stocktide_reader;
SELECT grant_to_part('stocktide_api', 'SELECT', ARRAY['listed_lines']);
SELECT grant_to_part('stocktide_worker', 'SELECT', ARRAY['listed_lines']);

CREATE TABLE order_requests (
    request text COLLATE "C" PRIMARY KEY,
    asked   jsonb NOT NULL,
    at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE order_requests IS 'Requests to the desk that came with an id: each is done once, and another under its id is refused.';
COMMENT ON COLUMN order_requests.asked IS 'by line, what was to be done to it, and by whom';
-- Of those from before, what the history knows.
INSERT INTO order_requests (request, asked, at)
SELECT request, jsonb_object_agg(line_id, jsonb_build_object('action', action, 'by', by)), min(at)
FROM order_actions
WHERE request IS NOT NULL
GROUP BY request;
CREATE TRIGGER order_requests_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON order_requests
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT ON order_requests TO stocktide_reader;
SELECT grant_to_part('stocktide_api', 'SELECT, INSERT', ARRAY['order_requests']);
SELECT grant_to_part('stocktide_worker', 'SELECT', ARRAY['order_requests']);
