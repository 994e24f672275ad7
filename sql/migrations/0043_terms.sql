-- Terms of buying: suppliers and what they sell, targets, costs, limits and budgets. A row is never overwritten: a change
-- is a new row and the end of the one before, so terms as they stood at any moment are the rows with
-- known_since <= moment < withdrawn_at, and an order explains itself by the terms of its day.

CREATE TABLE suppliers (
    term_id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    term                 text COLLATE "C" NOT NULL,
    content_hash         text NOT NULL,
    supplier             text COLLATE "C" NOT NULL,
    name                 text,
    email                text,
    currency             text CHECK (currency ~ '^[A-Z]{3}$'),
    timezone             text,
    order_days           text,
    cutoff               text,
    delivery_days        text,
    lead_days            integer CHECK (lead_days >= 0),
    minimum_value_micros bigint CHECK (minimum_value_micros >= 0),
    minimum_units_milli  bigint CHECK (minimum_units_milli >= 0),
    truck_units_milli    bigint CHECK (truck_units_milli > 0),
    order_cost_micros    bigint CHECK (order_cost_micros >= 0),
    active               boolean NOT NULL DEFAULT true,
    known_since          timestamptz NOT NULL DEFAULT now(),
    recorded_at          timestamptz NOT NULL DEFAULT now(),
    recorded_by          text NOT NULL,
    withdrawn_at         timestamptz CHECK (withdrawn_at >= known_since),
    withdrawn_by         text,
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
COMMENT ON TABLE suppliers IS 'Who sells to the chain. Never overwritten, as calendar_events.';
COMMENT ON COLUMN suppliers.term IS 'follows from what the row is about';
COMMENT ON COLUMN suppliers.order_days IS 'days of the week on which orders are taken, such as mon,thu; null: any';
COMMENT ON COLUMN suppliers.cutoff IS 'HH:MM on the supplier''s clock until which an order is of its day';
COMMENT ON COLUMN suppliers.delivery_days IS 'days of the week on which it delivers; null: any';
COMMENT ON COLUMN suppliers.lead_days IS 'promised from order to delivery';
COMMENT ON COLUMN suppliers.truck_units_milli IS 'units that fill a truck';
COMMENT ON COLUMN suppliers.order_cost_micros IS 'of an order, however much is in it';
COMMENT ON COLUMN suppliers.active IS 'false: nothing is ordered from it';
CREATE UNIQUE INDEX suppliers_in_force ON suppliers (term) WHERE withdrawn_at IS NULL;
COMMENT ON INDEX suppliers_in_force IS 'One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.';
CREATE TRIGGER suppliers_stay BEFORE UPDATE OR DELETE ON suppliers
    FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();

CREATE TABLE supplier_products (
    term_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    term           text COLLATE "C" NOT NULL,
    content_hash   text NOT NULL,
    supplier       text COLLATE "C" NOT NULL,
    product        text COLLATE "C" NOT NULL REFERENCES products (sku),
    price_micros   bigint CHECK (price_micros >= 0),
    currency       text CHECK (currency ~ '^[A-Z]{3}$'),
    pack_milli     bigint CHECK (pack_milli > 0),
    minimum_milli  bigint CHECK (minimum_milli >= 0),
    multiple_milli bigint CHECK (multiple_milli > 0),
    lead_days      integer CHECK (lead_days >= 0),
    rank           integer NOT NULL DEFAULT 1,
    sku            text,
    known_since    timestamptz NOT NULL DEFAULT now(),
    recorded_at    timestamptz NOT NULL DEFAULT now(),
    recorded_by    text NOT NULL,
    withdrawn_at   timestamptz CHECK (withdrawn_at >= known_since),
    withdrawn_by   text,
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
COMMENT ON TABLE supplier_products IS 'What a supplier sells, and in what amounts. Never overwritten, as calendar_events.';
COMMENT ON COLUMN supplier_products.term IS 'follows from what the row is about';
COMMENT ON COLUMN supplier_products.price_micros IS 'of one unit of the product';
COMMENT ON COLUMN supplier_products.currency IS 'null: the supplier''s';
COMMENT ON COLUMN supplier_products.pack_milli IS 'units in a pack';
COMMENT ON COLUMN supplier_products.minimum_milli IS 'units that an order of it has at least';
COMMENT ON COLUMN supplier_products.multiple_milli IS 'units by which an order of it grows; null: the pack';
COMMENT ON COLUMN supplier_products.lead_days IS 'null: the supplier''s';
COMMENT ON COLUMN supplier_products.rank IS '1 is who is asked first';
COMMENT ON COLUMN supplier_products.sku IS 'the supplier''s own code';
CREATE UNIQUE INDEX supplier_products_in_force ON supplier_products (term) WHERE withdrawn_at IS NULL;
COMMENT ON INDEX supplier_products_in_force IS 'One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.';
CREATE TRIGGER supplier_products_stay BEFORE UPDATE OR DELETE ON supplier_products
    FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();

CREATE TABLE price_breaks (
    term_id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    term                text COLLATE "C" NOT NULL,
    content_hash        text NOT NULL,
    supplier            text COLLATE "C" NOT NULL,
    product             text COLLATE "C" NOT NULL REFERENCES products (sku),
    from_quantity_milli bigint NOT NULL CHECK (from_quantity_milli > 0),
    price_micros        bigint NOT NULL CHECK (price_micros >= 0),
    known_since         timestamptz NOT NULL DEFAULT now(),
    recorded_at         timestamptz NOT NULL DEFAULT now(),
    recorded_by         text NOT NULL,
    withdrawn_at        timestamptz CHECK (withdrawn_at >= known_since),
    withdrawn_by        text,
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
COMMENT ON TABLE price_breaks IS 'The price of every unit of an order of at least so many. Never overwritten, as calendar_events.';
COMMENT ON COLUMN price_breaks.term IS 'follows from what the row is about';
COMMENT ON COLUMN price_breaks.price_micros IS 'of one unit';
CREATE UNIQUE INDEX price_breaks_in_force ON price_breaks (term) WHERE withdrawn_at IS NULL;
COMMENT ON INDEX price_breaks_in_force IS 'One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.';
CREATE TRIGGER price_breaks_stay BEFORE UPDATE OR DELETE ON price_breaks
    FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();

CREATE TABLE supplier_days (
    term_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    term         text COLLATE "C" NOT NULL,
    content_hash text NOT NULL,
    supplier     text COLLATE "C" NOT NULL,
    starts_on    date NOT NULL,
    ends_on      date NOT NULL CHECK (ends_on >= starts_on),
    is_closed    boolean NOT NULL DEFAULT true,
    known_since  timestamptz NOT NULL DEFAULT now(),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    recorded_by  text NOT NULL,
    withdrawn_at timestamptz CHECK (withdrawn_at >= known_since),
    withdrawn_by text,
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
COMMENT ON TABLE supplier_days IS 'Days on which a supplier neither takes orders nor delivers, or does after all. Never overwritten, as calendar_events.';
COMMENT ON COLUMN supplier_days.term IS 'follows from what the row is about';
COMMENT ON COLUMN supplier_days.is_closed IS 'false: open after all';
CREATE UNIQUE INDEX supplier_days_in_force ON supplier_days (term) WHERE withdrawn_at IS NULL;
COMMENT ON INDEX supplier_days_in_force IS 'One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.';
CREATE TRIGGER supplier_days_stay BEFORE UPDATE OR DELETE ON supplier_days
    FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();

CREATE TABLE service_targets (
    term_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    term         text COLLATE "C" NOT NULL,
    content_hash text NOT NULL,
    product      text COLLATE "C" REFERENCES products (sku),
    category     text,
    department   text,
    location     text COLLATE "C" REFERENCES locations (code),
    region       text,
    country      text,
    abc          text CHECK (abc IN ('A', 'B', 'C')),
    measure      text NOT NULL CHECK (measure IN ('cycle_service', 'fill_rate', 'least_cost')),
    target       double precision CHECK (target > 0 AND target < 1),
    known_since  timestamptz NOT NULL DEFAULT now(),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    recorded_by  text NOT NULL,
    withdrawn_at timestamptz CHECK (withdrawn_at >= known_since),
    withdrawn_by text,
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
COMMENT ON TABLE service_targets IS 'What stock is aimed at. Never overwritten, as calendar_events.';
COMMENT ON COLUMN service_targets.term IS 'follows from what the row is about';
COMMENT ON COLUMN service_targets.abc IS 'class by sales; null: any';
COMMENT ON COLUMN service_targets.target IS 'share; null for least_cost';
CREATE UNIQUE INDEX service_targets_in_force ON service_targets (term) WHERE withdrawn_at IS NULL;
COMMENT ON INDEX service_targets_in_force IS 'One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.';
CREATE TRIGGER service_targets_stay BEFORE UPDATE OR DELETE ON service_targets
    FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();

CREATE TABLE stock_costs (
    term_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    term            text COLLATE "C" NOT NULL,
    content_hash    text NOT NULL,
    product         text COLLATE "C" REFERENCES products (sku),
    category        text,
    department      text,
    location        text COLLATE "C" REFERENCES locations (code),
    region          text,
    country         text,
    holding_rate    double precision CHECK (holding_rate >= 0),
    shortage_micros bigint CHECK (shortage_micros >= 0),
    currency        text CHECK (currency ~ '^[A-Z]{3}$'),
    known_since     timestamptz NOT NULL DEFAULT now(),
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    recorded_by     text NOT NULL,
    withdrawn_at    timestamptz CHECK (withdrawn_at >= known_since),
    withdrawn_by    text,
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
COMMENT ON TABLE stock_costs IS 'What stock and the lack of it cost. Never overwritten, as calendar_events.';
COMMENT ON COLUMN stock_costs.term IS 'follows from what the row is about';
COMMENT ON COLUMN stock_costs.holding_rate IS 'share of a unit''s cost, a year';
COMMENT ON COLUMN stock_costs.shortage_micros IS 'of a unit that could not be sold; null: its margin';
CREATE UNIQUE INDEX stock_costs_in_force ON stock_costs (term) WHERE withdrawn_at IS NULL;
COMMENT ON INDEX stock_costs_in_force IS 'One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.';
CREATE TRIGGER stock_costs_stay BEFORE UPDATE OR DELETE ON stock_costs
    FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();

CREATE TABLE shelf_limits (
    term_id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    term               text COLLATE "C" NOT NULL,
    content_hash       text NOT NULL,
    product            text COLLATE "C" REFERENCES products (sku),
    category           text,
    department         text,
    location           text COLLATE "C" REFERENCES locations (code),
    region             text,
    country            text,
    shelf_life_days    integer CHECK (shelf_life_days > 0),
    capacity_milli     bigint CHECK (capacity_milli > 0),
    presentation_milli bigint CHECK (presentation_milli >= 0),
    last_order_on      date,
    known_since        timestamptz NOT NULL DEFAULT now(),
    recorded_at        timestamptz NOT NULL DEFAULT now(),
    recorded_by        text NOT NULL,
    withdrawn_at       timestamptz CHECK (withdrawn_at >= known_since),
    withdrawn_by       text,
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
COMMENT ON TABLE shelf_limits IS 'What shelves hold, and how long goods keep. Never overwritten, as calendar_events.';
COMMENT ON COLUMN shelf_limits.term IS 'follows from what the row is about';
COMMENT ON COLUMN shelf_limits.presentation_milli IS 'units that stand there at least, to look well';
COMMENT ON COLUMN shelf_limits.last_order_on IS 'from this day on it is not ordered any more';
CREATE UNIQUE INDEX shelf_limits_in_force ON shelf_limits (term) WHERE withdrawn_at IS NULL;
COMMENT ON INDEX shelf_limits_in_force IS 'One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.';
CREATE TRIGGER shelf_limits_stay BEFORE UPDATE OR DELETE ON shelf_limits
    FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();

CREATE TABLE buyer_budgets (
    term_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    term          text COLLATE "C" NOT NULL,
    content_hash  text NOT NULL,
    buyer         text NOT NULL,
    starts_on     date NOT NULL,
    ends_on       date NOT NULL CHECK (ends_on >= starts_on),
    amount_micros bigint NOT NULL CHECK (amount_micros > 0),
    currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    known_since   timestamptz NOT NULL DEFAULT now(),
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    recorded_by   text NOT NULL,
    withdrawn_at  timestamptz CHECK (withdrawn_at >= known_since),
    withdrawn_by  text,
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
COMMENT ON TABLE buyer_budgets IS 'What a buyer may order for in a period. Never overwritten, as calendar_events.';
COMMENT ON COLUMN buyer_budgets.term IS 'follows from what the row is about';
CREATE UNIQUE INDEX buyer_budgets_in_force ON buyer_budgets (term) WHERE withdrawn_at IS NULL;
COMMENT ON INDEX buyer_budgets_in_force IS 'One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.';
CREATE TRIGGER buyer_budgets_stay BEFORE UPDATE OR DELETE ON buyer_budgets
    FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();

GRANT SELECT ON suppliers, supplier_products, price_breaks, supplier_days, service_targets, stock_costs, shelf_limits,
    buyer_budgets TO stocktide_reader;
SELECT grant_to_part('stocktide_api', 'SELECT, INSERT, UPDATE', ARRAY[
    'suppliers', 'supplier_products', 'price_breaks', 'supplier_days', 'service_targets', 'stock_costs', 'shelf_limits',
    'buyer_budgets']);
SELECT grant_to_part('stocktide_worker', 'SELECT', ARRAY[
    'suppliers', 'supplier_products', 'price_breaks', 'supplier_days', 'service_targets', 'stock_costs', 'shelf_limits',
    'buyer_budgets']);

-- Plans are put by the same statement.
COMMENT ON INDEX calendar_events_in_force IS 'One row per plan is in force. Serves the ON CONFLICT of ingest/versions/put.';
COMMENT ON INDEX planned_prices_in_force IS 'One row per plan is in force. Serves the ON CONFLICT of ingest/versions/put.';
COMMENT ON INDEX planned_promotions_in_force IS 'One row per plan is in force. Serves the ON CONFLICT of ingest/versions/put.';
COMMENT ON INDEX planned_closures_in_force IS 'One row per plan is in force. Serves the ON CONFLICT of ingest/versions/put.';
COMMENT ON INDEX planned_regressors_in_force IS 'One row per plan is in force. Serves the ON CONFLICT of ingest/versions/put.';

CREATE TABLE lead_times (
    supplier     text COLLATE "C" NOT NULL,
    product      text COLLATE "C",
    lines        double precision NOT NULL,
    open_lines   double precision,
    unfulfilled  double precision,
    shares       double precision[] NOT NULL,
    lake_version bigint NOT NULL,
    learnt_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE lead_times IS 'How long suppliers take, learnt from orders and receipts; the job lead_times replaces all rows.';
COMMENT ON COLUMN lead_times.product IS 'null: of all that the supplier sells';
COMMENT ON COLUMN lead_times.lines IS 'order lines that it was learnt from';
COMMENT ON COLUMN lead_times.open_lines IS 'of them, those that are awaited';
COMMENT ON COLUMN lead_times.unfulfilled IS 'chance that what is ordered does not come at all';
COMMENT ON COLUMN lead_times.shares IS 'chances of 0, 1, 2, … days from order to receipt';
COMMENT ON COLUMN lead_times.lake_version IS 'of the table purchases';
CREATE UNIQUE INDEX lead_times_of ON lead_times (supplier, product) NULLS NOT DISTINCT;
COMMENT ON INDEX lead_times_of IS 'One row a supplier and product. Serves purchasing/lead_times.';
GRANT SELECT ON lead_times TO stocktide_reader;
SELECT grant_to_part('stocktide_api', 'SELECT', ARRAY['lead_times']);
SELECT grant_to_part('stocktide_worker', 'SELECT, INSERT, DELETE', ARRAY['lead_times']);
