-- What is known ahead: events, prices, promotions, closures and any other planned number. A row is never overwritten: a
-- change is a new row and the end of the one before, a removal is the end alone. So a plan as it stood at any moment is
-- the row with known_since <= moment < withdrawn_at, and a backtest sees no later mind.

CREATE TABLE calendar_events (
    calendar_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan         text COLLATE "C" NOT NULL CHECK (length(plan) BETWEEN 1 AND 100),
    content_hash text NOT NULL,
    name         text NOT NULL,
    day          date NOT NULL,
    days_before  integer NOT NULL DEFAULT 0 CHECK (days_before >= 0),
    days_after   integer NOT NULL DEFAULT 0 CHECK (days_after >= 0),
    product_id   integer REFERENCES products,
    department   text,
    category     text,
    location_id  integer REFERENCES locations,
    region       text,
    country      text,
    known_since  timestamptz NOT NULL DEFAULT now(),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    recorded_by  text NOT NULL,
    withdrawn_at timestamptz CHECK (withdrawn_at >= known_since),
    withdrawn_by text,
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);

CREATE TABLE planned_prices (
    calendar_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan         text COLLATE "C" NOT NULL CHECK (length(plan) BETWEEN 1 AND 100),
    content_hash text NOT NULL,
    starts_on    date NOT NULL,
    ends_on      date CHECK (ends_on >= starts_on),
    price_micros bigint NOT NULL CHECK (price_micros > 0),
    product_id   integer REFERENCES products,
    department   text,
    category     text,
    location_id  integer REFERENCES locations,
    region       text,
    country      text,
    known_since  timestamptz NOT NULL DEFAULT now(),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    recorded_by  text NOT NULL,
    withdrawn_at timestamptz CHECK (withdrawn_at >= known_since),
    withdrawn_by text,
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
COMMENT ON COLUMN planned_prices.ends_on IS 'last day of the price; null: until another one is planned';

CREATE TABLE planned_promotions (
    calendar_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan         text COLLATE "C" NOT NULL CHECK (length(plan) BETWEEN 1 AND 100),
    content_hash text NOT NULL,
    kind         text NOT NULL DEFAULT 'promotion',
    starts_on    date NOT NULL,
    ends_on      date NOT NULL CHECK (ends_on >= starts_on),
    price_micros bigint CHECK (price_micros > 0),
    discount     double precision CHECK (discount > 0 AND discount < 1),
    product_id   integer REFERENCES products,
    department   text,
    category     text,
    location_id  integer REFERENCES locations,
    region       text,
    country      text,
    known_since  timestamptz NOT NULL DEFAULT now(),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    recorded_by  text NOT NULL,
    withdrawn_at timestamptz CHECK (withdrawn_at >= known_since),
    withdrawn_by text,
    CHECK (price_micros IS NULL OR discount IS NULL),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
COMMENT ON COLUMN planned_promotions.discount IS 'share of the price of that day that is taken off';

CREATE TABLE planned_closures (
    calendar_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan         text COLLATE "C" NOT NULL CHECK (length(plan) BETWEEN 1 AND 100),
    content_hash text NOT NULL,
    starts_on    date NOT NULL,
    ends_on      date NOT NULL CHECK (ends_on >= starts_on),
    is_closed    boolean NOT NULL DEFAULT true,
    location_id  integer REFERENCES locations,
    region       text,
    country      text,
    known_since  timestamptz NOT NULL DEFAULT now(),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    recorded_by  text NOT NULL,
    withdrawn_at timestamptz CHECK (withdrawn_at >= known_since),
    withdrawn_by text,
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
COMMENT ON COLUMN planned_closures.is_closed IS 'false: open after all, although another row says closed';

CREATE TABLE planned_regressors (
    calendar_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan         text COLLATE "C" NOT NULL CHECK (length(plan) BETWEEN 1 AND 100),
    content_hash text NOT NULL,
    name         text NOT NULL,
    starts_on    date NOT NULL,
    ends_on      date NOT NULL CHECK (ends_on >= starts_on),
    value        double precision NOT NULL,
    product_id   integer REFERENCES products,
    department   text,
    category     text,
    location_id  integer REFERENCES locations,
    region       text,
    country      text,
    known_since  timestamptz NOT NULL DEFAULT now(),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    recorded_by  text NOT NULL,
    withdrawn_at timestamptz CHECK (withdrawn_at >= known_since),
    withdrawn_by text,
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);

-- A plan's id is its sender's: one row of it is in force. Serves the ON CONFLICT of ingest/calendar/put.
CREATE UNIQUE INDEX calendar_events_in_force ON calendar_events (plan) WHERE withdrawn_at IS NULL;
CREATE UNIQUE INDEX planned_prices_in_force ON planned_prices (plan) WHERE withdrawn_at IS NULL;
CREATE UNIQUE INDEX planned_promotions_in_force ON planned_promotions (plan) WHERE withdrawn_at IS NULL;
CREATE UNIQUE INDEX planned_closures_in_force ON planned_closures (plan) WHERE withdrawn_at IS NULL;
CREATE UNIQUE INDEX planned_regressors_in_force ON planned_regressors (plan) WHERE withdrawn_at IS NULL;

CREATE FUNCTION refuse_plan_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.withdrawn_at IS NULL AND NEW.withdrawn_at IS NOT NULL
       AND to_jsonb(NEW) - 'withdrawn_at' - 'withdrawn_by' = to_jsonb(OLD) - 'withdrawn_at' - 'withdrawn_by' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'plans are not changed: % of % refused; withdraw the row and record another', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER calendar_events_stay BEFORE UPDATE OR DELETE ON calendar_events
    FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
CREATE TRIGGER planned_prices_stay BEFORE UPDATE OR DELETE ON planned_prices
    FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
CREATE TRIGGER planned_promotions_stay BEFORE UPDATE OR DELETE ON planned_promotions
    FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
CREATE TRIGGER planned_closures_stay BEFORE UPDATE OR DELETE ON planned_closures
    FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
CREATE TRIGGER planned_regressors_stay BEFORE UPDATE OR DELETE ON planned_regressors
    FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();

-- All plans in one form, for reading: from `starts_on` to `ends_on`, both included. `label` is what people call it.
CREATE VIEW calendar_plans AS
WITH plans AS (
    SELECT 'events' AS kind, calendar_id, plan, name AS label, day, day - days_before AS starts_on,
           day + days_after AS ends_on, days_before, days_after, product_id, department, category, location_id, region,
           country, NULL::bigint AS price_micros, NULL::double precision AS discount, NULL::double precision AS value,
           NULL::boolean AS is_closed, known_since, recorded_at, recorded_by, withdrawn_at, withdrawn_by
    FROM calendar_events
    UNION ALL
    SELECT 'prices', calendar_id, plan, 'price', NULL, starts_on, ends_on, NULL, NULL, product_id, department, category,
           location_id, region, country, price_micros, NULL, NULL, NULL, known_since, recorded_at, recorded_by,
           withdrawn_at, withdrawn_by
    FROM planned_prices
    UNION ALL
    SELECT 'promotions', calendar_id, plan, kind, NULL, starts_on, ends_on, NULL, NULL, product_id, department, category,
           location_id, region, country, price_micros, discount, NULL, NULL, known_since, recorded_at, recorded_by,
           withdrawn_at, withdrawn_by
    FROM planned_promotions
    UNION ALL
    SELECT 'closures', calendar_id, plan, CASE WHEN is_closed THEN 'closed' ELSE 'open' END, NULL, starts_on, ends_on,
           NULL, NULL, NULL, NULL, NULL, location_id, region, country, NULL, NULL, NULL, is_closed, known_since,
           recorded_at, recorded_by, withdrawn_at, withdrawn_by
    FROM planned_closures
    UNION ALL
    SELECT 'regressors', calendar_id, plan, name, NULL, starts_on, ends_on, NULL, NULL, product_id, department, category,
           location_id, region, country, NULL, NULL, value, NULL, known_since, recorded_at, recorded_by, withdrawn_at,
           withdrawn_by
    FROM planned_regressors
)
SELECT plans.kind, calendar_id, plan, label, day, starts_on, ends_on, days_before, days_after, p.sku AS product,
       p.name AS product_name, plans.department, plans.category, l.code AS location, l.name AS location_name,
       plans.region, plans.country, plans.price_micros, p.currency, discount, value, is_closed, known_since, recorded_at,
       recorded_by, withdrawn_at, withdrawn_by
FROM plans
LEFT JOIN products p USING (product_id)
LEFT JOIN locations l USING (location_id);

GRANT SELECT ON calendar_events, planned_prices, planned_promotions, planned_closures, planned_regressors, calendar_plans
    TO stocktide_reader;
