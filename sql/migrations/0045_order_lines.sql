-- The order desk: proposals, what buyers made of them, and the orders that came of it.

CREATE TABLE order_runs (
    order_run_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    forecast_run_id bigint,
    as_of           timestamptz NOT NULL,
    snapshot        pg_snapshot NOT NULL,
    made_by         text NOT NULL,
    made_at         timestamptz NOT NULL DEFAULT now(),
    proposals       integer NOT NULL,
    detail          jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE order_runs IS 'Runs that proposed what to order.';
COMMENT ON COLUMN order_runs.as_of IS 'when stock and what is on order were read';
COMMENT ON COLUMN order_runs.snapshot IS 'what the run saw: what was ordered outside of it is no need of the run any more';
COMMENT ON COLUMN order_runs.detail IS 'settings, and what was left out and why';

CREATE SEQUENCE purchase_order_numbers;
COMMENT ON SEQUENCE purchase_order_numbers IS 'Numbers of purchase orders that the desk makes.';

CREATE TABLE purchase_orders (
    order_id        text COLLATE "C" PRIMARY KEY,
    supplier        text COLLATE "C" NOT NULL,
    currency        text,
    ordered_by      text NOT NULL,
    second_approver text,
    ordered_at      timestamptz NOT NULL DEFAULT now(),
    expected_on     date
);
COMMENT ON TABLE purchase_orders IS 'What was ordered from suppliers at the desk; its lines are order_lines.';
COMMENT ON COLUMN purchase_orders.second_approver IS 'who approved beside the one who ordered, where the amount asked for it';

CREATE TABLE order_lines (
    line_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    supplier        text COLLATE "C" NOT NULL,
    product         text COLLATE "C" NOT NULL REFERENCES products (sku),
    location        text COLLATE "C" NOT NULL REFERENCES locations (code),
    state           text NOT NULL DEFAULT 'proposed'
                    CHECK (state IN ('proposed', 'snoozed', 'waiting', 'ordered', 'rejected', 'withdrawn', 'cancelled')),
    order_run_id    bigint REFERENCES order_runs,
    proposed_milli  bigint NOT NULL CHECK (proposed_milli >= 0),
    explanation     jsonb NOT NULL DEFAULT '{}',
    at_risk_micros  bigint,
    on_order_milli  bigint NOT NULL DEFAULT 0,
    buyer_milli     bigint CHECK (buyer_milli >= 0),
    snoozed_until   date,
    approved_by     text,
    price_micros    bigint CHECK (price_micros >= 0),
    currency        text,
    order_id        text COLLATE "C" REFERENCES purchase_orders,
    order_line      integer,
    ordered_milli   bigint CHECK (ordered_milli > 0),
    ordered_xid     xid8,
    version         integer NOT NULL DEFAULT 1,
    made_at         timestamptz NOT NULL DEFAULT now(),
    changed_at      timestamptz NOT NULL DEFAULT now(),
    CHECK ((state IN ('ordered', 'cancelled')) = (order_id IS NOT NULL)),
    CHECK ((order_id IS NULL) = (ordered_milli IS NULL)),
    CHECK ((state = 'snoozed') = (snoozed_until IS NOT NULL)),
    CHECK ((state = 'waiting') <= (approved_by IS NOT NULL))
);
COMMENT ON TABLE order_lines IS 'Lines of the order desk. What a run proposes and what a buyer decides stand apart: a run changes the first alone.';
COMMENT ON COLUMN order_lines.state IS 'proposed; snoozed until a day; waiting for a second approver; ordered; rejected; withdrawn by a run that no longer needs it; cancelled after it was ordered';
COMMENT ON COLUMN order_lines.order_run_id IS 'the run that proposed last';
COMMENT ON COLUMN order_lines.explanation IS 'data that recompute the proposed quantity';
COMMENT ON COLUMN order_lines.at_risk_micros IS 'sales that are expected to be lost without the order';
COMMENT ON COLUMN order_lines.on_order_milli IS 'on order and in transit when it was proposed; more of it when it is approved says that somebody else has ordered';
COMMENT ON COLUMN order_lines.buyer_milli IS 'the quantity that a buyer set; null: as proposed';
COMMENT ON COLUMN order_lines.price_micros IS 'of one unit, when it was proposed';
COMMENT ON COLUMN order_lines.ordered_xid IS 'the transaction that ordered it';
COMMENT ON COLUMN order_lines.version IS 'counts changes; who decides says which one was seen';
CREATE UNIQUE INDEX order_lines_open ON order_lines (product, location) WHERE state IN ('proposed', 'snoozed', 'waiting');
COMMENT ON INDEX order_lines_open IS 'A need has one open line. Serves purchasing/desk/propose.';
CREATE INDEX order_lines_ordered ON order_lines (product, location, ordered_xid) WHERE order_id IS NOT NULL;
COMMENT ON INDEX order_lines_ordered IS 'Serves purchasing/desk/ordered_meanwhile: what was ordered since a run looked.';
CREATE INDEX order_lines_order ON order_lines (order_id) WHERE order_id IS NOT NULL;
COMMENT ON INDEX order_lines_order IS 'Serves purchasing/desk/order: the lines of an order.';

CREATE TABLE order_actions (
    action_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    line_id   bigint NOT NULL REFERENCES order_lines,
    action    text NOT NULL,
    by        text NOT NULL,
    at        timestamptz NOT NULL DEFAULT now(),
    reason    text,
    request   text COLLATE "C",
    before    jsonb,
    after     jsonb NOT NULL
);
COMMENT ON TABLE order_actions IS 'All that people and runs did to lines of the order desk, with what stood there before and after.';
COMMENT ON COLUMN order_actions.request IS 'the id that the sender gave: the same request is done once';
CREATE UNIQUE INDEX order_actions_request ON order_actions (request, line_id) WHERE request IS NOT NULL;
COMMENT ON INDEX order_actions_request IS 'A request is done once. Serves purchasing/desk/done_before.';
CREATE INDEX order_actions_line ON order_actions (line_id, action_id);
COMMENT ON INDEX order_actions_line IS 'Serves purchasing/desk/history: what happened to a line.';
CREATE TRIGGER order_actions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON order_actions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION keep_what_was_ordered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (OLD.state = 'ordered' AND (NEW.state <> 'cancelled'
           OR (NEW.order_id, NEW.order_line, NEW.ordered_milli, NEW.supplier, NEW.product, NEW.location)
              IS DISTINCT FROM (OLD.order_id, OLD.order_line, OLD.ordered_milli, OLD.supplier, OLD.product, OLD.location)))
       OR OLD.state IN ('rejected', 'withdrawn', 'cancelled') THEN
        RAISE EXCEPTION 'line % is %: it is not changed any more', OLD.line_id, OLD.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION keep_what_was_ordered IS 'What was ordered may be cancelled, and nothing else; what is closed stays as it is.';
CREATE TRIGGER order_lines_stay BEFORE UPDATE OR DELETE ON order_lines
    FOR EACH ROW EXECUTE FUNCTION keep_what_was_ordered();

GRANT SELECT ON order_runs, purchase_orders, order_lines, order_actions TO stocktide_reader;
SELECT grant_to_part('stocktide_api', 'SELECT, INSERT', ARRAY['order_runs', 'purchase_orders', 'order_actions']);
SELECT grant_to_part('stocktide_api', 'SELECT, INSERT, UPDATE', ARRAY['order_lines']);
SELECT grant_to_part('stocktide_worker', 'SELECT, INSERT', ARRAY['order_runs', 'order_actions']);
SELECT grant_to_part('stocktide_worker', 'SELECT, INSERT, UPDATE', ARRAY['order_lines']);
SELECT grant_to_part('stocktide_worker', 'SELECT', ARRAY['purchase_orders']);
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'stocktide_api') THEN
        GRANT USAGE ON SEQUENCE purchase_order_numbers TO stocktide_api;
    END IF;
END $$;

-- A buyer decides on orders, and on nothing else that planners decide on.
ALTER TABLE users DROP CONSTRAINT users_role_check;
ALTER TABLE users ADD CONSTRAINT users_role_check CHECK (role IN ('viewer', 'buyer', 'planner', 'operator'));
