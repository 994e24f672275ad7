-- The schema as it stands after all migrations, for reading. Written by `make schema`; a test compares it with what the
-- migrations make. Quantities are bigint thousandths of the product's unit (_milli), money is bigint millionths of the
-- currency unit (_micros). Not shown: the job queue's own tables (procrastinate), and the ledger's monthly partitions.

-- A key per feed and reader. The key is 256 random bits and never stored: only its SHA-256 is.
CREATE TABLE access_keys (
    key_id         integer NOT NULL GENERATED ALWAYS AS IDENTITY,
    name           text NOT NULL,
    scope          text NOT NULL,
    key_hash       bytea NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    last_used_at   timestamptz,
    revoked_at     timestamptz,
    kinds          text[],
    locations      text[],
    -- events a second, of each API process
    rate           double precision,
    expires_at     timestamptz,
    -- a longer silence of its feed is an alert; NULL: learned from feed_minutes
    expect_every_s integer,
    -- sources that its events may have, each exact or a prefix that ends with *; NULL: any
    sources        text[],
    CONSTRAINT access_keys_pkey PRIMARY KEY (key_id),
    CONSTRAINT access_keys_key_hash_key UNIQUE (key_hash),
    CONSTRAINT access_keys_name_key UNIQUE (name),
    CONSTRAINT access_keys_expect_every_s_check CHECK (expect_every_s > 0),
    CONSTRAINT access_keys_kinds_check CHECK (cardinality(kinds) > 0),
    CONSTRAINT access_keys_locations_check CHECK (cardinality(locations) > 0),
    CONSTRAINT access_keys_rate_check CHECK (rate > 0::double precision),
    CONSTRAINT access_keys_scope_check CHECK (scope = ANY (ARRAY['ingest'::text, 'read'::text, 'operate'::text, 'personal'::text])),
    CONSTRAINT access_keys_sources_check CHECK (cardinality(sources) > 0)
);
GRANT SELECT (key_id, name, scope, created_at, last_used_at, revoked_at, kinds, locations, rate, expires_at,
    expect_every_s, sources) ON access_keys TO stocktide_reader;

-- The published forecast with the overrides in force, of the items that they change; written again with each change of
-- either.
CREATE TABLE adjusted_forecasts (
    forecast_run_id bigint NOT NULL,
    node_id         integer NOT NULL,
    -- units by period, in the order of the periods of forecasts
    yhat            double precision[] NOT NULL,
    -- by period: what multiplies the published quantiles
    factor          double precision[] NOT NULL,
    -- by period and quantile (q025 to q975): units beside; null: none
    added           double precision[],
    -- last days of the periods
    ends            date[] NOT NULL,
    CONSTRAINT adjusted_forecasts_pkey PRIMARY KEY (forecast_run_id, node_id),
    CONSTRAINT adjusted_forecasts_forecast_run_id_fkey FOREIGN KEY (forecast_run_id) REFERENCES forecast_runs(forecast_run_id) ON DELETE CASCADE
);
GRANT SELECT ON adjusted_forecasts TO stocktide_reader;

-- What happened to alerts, in the order of commits: writers queue on one advisory lock, so a reader who has seen event
-- n has seen everything up to n. Append-only.
CREATE TABLE alert_events (
    event_id    bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    alert_id    bigint NOT NULL,
    change      text NOT NULL,
    value_milli bigint NOT NULL,
    limit_milli bigint NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    by          text,
    reason      text,
    -- as in alerts, at that time
    details     jsonb,
    CONSTRAINT alert_events_pkey PRIMARY KEY (event_id),
    CONSTRAINT alert_events_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES alerts(alert_id),
    CONSTRAINT alert_events_change_check CHECK (change = ANY (ARRAY['opened'::text, 'closed'::text, 'acknowledged'::text, 'silenced'::text]))
);
-- Serves the history of one alert (alerts.listing.read_alert).
CREATE INDEX alert_events_alert ON alert_events (alert_id, event_id);
CREATE TRIGGER alert_events_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON alert_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_alert_history_change();
GRANT SELECT ON alert_events TO stocktide_reader;

-- Pairs, feeds and steps that the evaluation of alerts failed on: they are not judged, all others are. Each is tried
-- again every hour, and goes when it works.
CREATE TABLE alert_faults (
    -- product and location ids as in alerts, a feed after "feed ", or the step of the evaluator
    subject     text NOT NULL,
    product_id  integer,
    location_id integer,
    error       text NOT NULL,
    times       integer NOT NULL DEFAULT 1,
    first_at    timestamptz NOT NULL DEFAULT now(),
    last_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT alert_faults_pkey PRIMARY KEY (subject),
    CONSTRAINT alert_faults_location_id_fkey FOREIGN KEY (location_id) REFERENCES locations(location_id),
    CONSTRAINT alert_faults_product_id_fkey FOREIGN KEY (product_id) REFERENCES products(product_id)
);
GRANT SELECT ON alert_faults TO stocktide_reader;

-- The limits that all pairs were judged with; when they change, the evaluator judges every pair once.
CREATE TABLE alert_limits (
    only_row boolean NOT NULL DEFAULT true,
    limits   jsonb NOT NULL,
    since    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT alert_limits_pkey PRIMARY KEY (only_row),
    CONSTRAINT alert_limits_only_row_check CHECK (only_row)
);

-- One row per rule and subject, so that ending a silence ends it whichever alert it was given to.
CREATE TABLE alert_silences (
    rule           text NOT NULL,
    subject        text NOT NULL,
    silenced_until timestamptz NOT NULL,
    reason         text NOT NULL,
    by             text NOT NULL,
    at             timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT alert_silences_pkey PRIMARY KEY (rule, subject)
);
GRANT SELECT ON alert_silences TO stocktide_reader;

-- One row from opening to closing. value and limit are those of the opening; last_value moves while it is open.
CREATE TABLE alerts (
    alert_id         bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    rule             text NOT NULL,
    product_id       integer,
    location_id      integer,
    feed             text,
    subject          text NOT NULL GENERATED ALWAYS AS (COALESCE(feed, order_id, (((product_id)::text || '/'::text) || (location_id)::text))) STORED,
    value_milli      bigint NOT NULL,
    limit_milli      bigint NOT NULL,
    last_value_milli bigint NOT NULL,
    last_value_at    timestamptz NOT NULL DEFAULT now(),
    opened_at        timestamptz NOT NULL DEFAULT now(),
    closed_at        timestamptz,
    acknowledged_at  timestamptz,
    acknowledged_by  text,
    silenced_until   timestamptz,
    -- why it was acknowledged or silenced, the newest
    reason           text,
    -- its opening went to webhooks: false if a silence for its subject held then
    announced        boolean NOT NULL DEFAULT true,
    -- purchase order or transfer that it is about; its location is set where all of it goes to one
    order_id         text,
    -- of an order or transfer, what was late when last seen: supplier or sender, since, lines, units, locations, the
    -- line that is worth most
    details          jsonb,
    CONSTRAINT alerts_pkey PRIMARY KEY (alert_id),
    CONSTRAINT alerts_location_id_fkey FOREIGN KEY (location_id) REFERENCES locations(location_id),
    CONSTRAINT alerts_product_id_fkey FOREIGN KEY (product_id) REFERENCES products(product_id),
    CONSTRAINT alerts_of_one_subject CHECK (num_nonnulls(feed, order_id, product_id) = 1 AND (product_id IS NULL OR location_id IS NOT NULL) AND (feed IS NULL OR location_id IS NULL)),
    CONSTRAINT alerts_rule_check CHECK (rule = ANY (ARRAY['out_of_stock'::text, 'below_reorder_point'::text, 'negative_balance'::text, 'sensor_disagrees'::text, 'silent_feed'::text, 'reject_storm'::text, 'late_order'::text, 'late_transfer'::text]))
) WITH (fillfactor=80);
-- Serves alerts/list_alerts for one location.
CREATE INDEX alerts_location ON alerts (location_id, alert_id);
-- At most one open alert per rule and subject. Serves the ON CONFLICT of alerts/apply_verdicts.
CREATE UNIQUE INDEX alerts_one_open ON alerts (rule, subject) WHERE closed_at IS NULL;
-- Serves alerts/list_alerts for one product.
CREATE INDEX alerts_product ON alerts (product_id, alert_id);
-- Serves alerts/announce_after_silence.
CREATE INDEX alerts_unannounced ON alerts (rule, subject) WHERE closed_at IS NULL AND NOT announced;
GRANT SELECT ON alerts TO stocktide_reader;

-- Which lines of the order desk need no person. Never overwritten, as calendar_events.
CREATE TABLE approval_rules (
    term_id       bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- follows from what the row is about
    term          text COLLATE "C" NOT NULL,
    content_hash  text NOT NULL,
    supplier      text COLLATE "C",
    product       text COLLATE "C",
    category      text,
    department    text,
    location      text COLLATE "C",
    region        text,
    country       text,
    -- class by sales; null: any
    abc           text,
    -- false: people approve what the row is about, whatever wider rows say
    approve       boolean NOT NULL,
    -- what a line may cost, in the chain's currency
    amount_micros bigint,
    -- how many times what is usually ordered a line may be; null: any
    factor        double precision,
    -- share by which the forecast may differ from the one before; null: any
    change        double precision,
    known_since   timestamptz NOT NULL DEFAULT now(),
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    recorded_by   text NOT NULL,
    withdrawn_at  timestamptz,
    withdrawn_by  text,
    CONSTRAINT approval_rules_pkey PRIMARY KEY (term_id),
    CONSTRAINT approval_rules_location_fkey FOREIGN KEY (location) REFERENCES locations(code),
    CONSTRAINT approval_rules_product_fkey FOREIGN KEY (product) REFERENCES products(sku),
    CONSTRAINT approval_rules_abc_check CHECK (abc = ANY (ARRAY['A'::text, 'B'::text, 'C'::text])),
    CONSTRAINT approval_rules_amount_micros_check CHECK (amount_micros > 0),
    CONSTRAINT approval_rules_change_check CHECK (change > 0::double precision),
    CONSTRAINT approval_rules_check CHECK (withdrawn_at >= known_since),
    CONSTRAINT approval_rules_check1 CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CONSTRAINT approval_rules_check2 CHECK (NOT approve OR amount_micros IS NOT NULL),
    CONSTRAINT approval_rules_factor_check CHECK (factor > 0::double precision)
);
-- One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.
CREATE UNIQUE INDEX approval_rules_in_force ON approval_rules (term) WHERE withdrawn_at IS NULL;
CREATE TRIGGER approval_rules_stay BEFORE DELETE OR UPDATE ON approval_rules FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
GRANT SELECT ON approval_rules TO stocktide_reader;

-- What a buyer may order for in a period. Never overwritten, as calendar_events.
CREATE TABLE buyer_budgets (
    term_id       bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- follows from what the row is about
    term          text COLLATE "C" NOT NULL,
    content_hash  text NOT NULL,
    buyer         text NOT NULL,
    starts_on     date NOT NULL,
    ends_on       date NOT NULL,
    amount_micros bigint NOT NULL,
    currency      text NOT NULL,
    known_since   timestamptz NOT NULL DEFAULT now(),
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    recorded_by   text NOT NULL,
    withdrawn_at  timestamptz,
    withdrawn_by  text,
    CONSTRAINT buyer_budgets_pkey PRIMARY KEY (term_id),
    CONSTRAINT buyer_budgets_amount_micros_check CHECK (amount_micros > 0),
    CONSTRAINT buyer_budgets_check CHECK (ends_on >= starts_on),
    CONSTRAINT buyer_budgets_check1 CHECK (withdrawn_at >= known_since),
    CONSTRAINT buyer_budgets_check2 CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CONSTRAINT buyer_budgets_currency_check CHECK (currency ~ '^[A-Z]{3}$'::text)
);
-- One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.
CREATE UNIQUE INDEX buyer_budgets_in_force ON buyer_budgets (term) WHERE withdrawn_at IS NULL;
CREATE TRIGGER buyer_budgets_stay BEFORE DELETE OR UPDATE ON buyer_budgets FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
GRANT SELECT ON buyer_budgets TO stocktide_reader;

-- Events known ahead, such as holidays. A row is never overwritten: a change is a new row and the end of the one
-- before, so a plan as it stood at any moment is the row with known_since <= moment < withdrawn_at.
CREATE TABLE calendar_events (
    calendar_id  bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    plan         text COLLATE "C" NOT NULL,
    content_hash text NOT NULL,
    name         text NOT NULL,
    day          date NOT NULL,
    days_before  integer NOT NULL DEFAULT 0,
    days_after   integer NOT NULL DEFAULT 0,
    product_id   integer,
    department   text,
    category     text,
    location_id  integer,
    region       text,
    country      text,
    known_since  timestamptz NOT NULL DEFAULT now(),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    recorded_by  text NOT NULL,
    withdrawn_at timestamptz,
    withdrawn_by text,
    CONSTRAINT calendar_events_pkey PRIMARY KEY (calendar_id),
    CONSTRAINT calendar_events_location_id_fkey FOREIGN KEY (location_id) REFERENCES locations(location_id),
    CONSTRAINT calendar_events_product_id_fkey FOREIGN KEY (product_id) REFERENCES products(product_id),
    CONSTRAINT calendar_events_check CHECK (withdrawn_at >= known_since),
    CONSTRAINT calendar_events_check1 CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CONSTRAINT calendar_events_days_after_check CHECK (days_after >= 0),
    CONSTRAINT calendar_events_days_before_check CHECK (days_before >= 0),
    CONSTRAINT calendar_events_plan_check CHECK (length(plan) >= 1 AND length(plan) <= 100)
);
-- One row per plan is in force. Serves the ON CONFLICT of ingest/versions/put.
CREATE UNIQUE INDEX calendar_events_in_force ON calendar_events (plan) WHERE withdrawn_at IS NULL;
CREATE TRIGGER calendar_events_stay BEFORE DELETE OR UPDATE ON calendar_events FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
GRANT SELECT ON calendar_events TO stocktide_reader;

-- All plans in one form, from starts_on to ends_on, both included.
CREATE VIEW calendar_plans AS
 WITH plans AS (
         SELECT 'events'::text AS kind,
            calendar_events.calendar_id,
            calendar_events.plan,
            calendar_events.name AS label,
            calendar_events.day,
            calendar_events.day - calendar_events.days_before AS starts_on,
            calendar_events.day + calendar_events.days_after AS ends_on,
            calendar_events.days_before,
            calendar_events.days_after,
            calendar_events.product_id,
            calendar_events.department,
            calendar_events.category,
            calendar_events.location_id,
            calendar_events.region,
            calendar_events.country,
            NULL::bigint AS price_micros,
            NULL::double precision AS discount,
            NULL::double precision AS value,
            NULL::boolean AS is_closed,
            calendar_events.known_since,
            calendar_events.recorded_at,
            calendar_events.recorded_by,
            calendar_events.withdrawn_at,
            calendar_events.withdrawn_by
           FROM calendar_events
        UNION ALL
         SELECT 'prices'::text,
            planned_prices.calendar_id,
            planned_prices.plan,
            'price'::text,
            NULL::date,
            planned_prices.starts_on,
            planned_prices.ends_on,
            NULL::integer,
            NULL::integer,
            planned_prices.product_id,
            planned_prices.department,
            planned_prices.category,
            planned_prices.location_id,
            planned_prices.region,
            planned_prices.country,
            planned_prices.price_micros,
            NULL::double precision,
            NULL::double precision,
            NULL::boolean,
            planned_prices.known_since,
            planned_prices.recorded_at,
            planned_prices.recorded_by,
            planned_prices.withdrawn_at,
            planned_prices.withdrawn_by
           FROM planned_prices
        UNION ALL
         SELECT 'promotions'::text,
            planned_promotions.calendar_id,
            planned_promotions.plan,
            planned_promotions.kind,
            NULL::date,
            planned_promotions.starts_on,
            planned_promotions.ends_on,
            NULL::integer,
            NULL::integer,
            planned_promotions.product_id,
            planned_promotions.department,
            planned_promotions.category,
            planned_promotions.location_id,
            planned_promotions.region,
            planned_promotions.country,
            planned_promotions.price_micros,
            planned_promotions.discount,
            NULL::double precision,
            NULL::boolean,
            planned_promotions.known_since,
            planned_promotions.recorded_at,
            planned_promotions.recorded_by,
            planned_promotions.withdrawn_at,
            planned_promotions.withdrawn_by
           FROM planned_promotions
        UNION ALL
         SELECT 'closures'::text,
            planned_closures.calendar_id,
            planned_closures.plan,
                CASE
                    WHEN planned_closures.is_closed THEN 'closed'::text
                    ELSE 'open'::text
                END AS "case",
            NULL::date,
            planned_closures.starts_on,
            planned_closures.ends_on,
            NULL::integer,
            NULL::integer,
            NULL::integer,
            NULL::text,
            NULL::text,
            planned_closures.location_id,
            planned_closures.region,
            planned_closures.country,
            NULL::bigint,
            NULL::double precision,
            NULL::double precision,
            planned_closures.is_closed,
            planned_closures.known_since,
            planned_closures.recorded_at,
            planned_closures.recorded_by,
            planned_closures.withdrawn_at,
            planned_closures.withdrawn_by
           FROM planned_closures
        UNION ALL
         SELECT 'regressors'::text,
            planned_regressors.calendar_id,
            planned_regressors.plan,
            planned_regressors.name,
            NULL::date,
            planned_regressors.starts_on,
            planned_regressors.ends_on,
            NULL::integer,
            NULL::integer,
            planned_regressors.product_id,
            planned_regressors.department,
            planned_regressors.category,
            planned_regressors.location_id,
            planned_regressors.region,
            planned_regressors.country,
            NULL::bigint,
            NULL::double precision,
            planned_regressors.value,
            NULL::boolean,
            planned_regressors.known_since,
            planned_regressors.recorded_at,
            planned_regressors.recorded_by,
            planned_regressors.withdrawn_at,
            planned_regressors.withdrawn_by
           FROM planned_regressors
        )
 SELECT plans.kind,
    plans.calendar_id,
    plans.plan,
    plans.label,
    plans.day,
    plans.starts_on,
    plans.ends_on,
    plans.days_before,
    plans.days_after,
    p.sku AS product,
    p.name AS product_name,
    plans.department,
    plans.category,
    l.code AS location,
    l.name AS location_name,
    plans.region,
    plans.country,
    plans.price_micros,
    p.currency,
    plans.discount,
    plans.value,
    plans.is_closed,
    plans.known_since,
    plans.recorded_at,
    plans.recorded_by,
    plans.withdrawn_at,
    plans.withdrawn_by
   FROM plans
     LEFT JOIN products p USING (product_id)
     LEFT JOIN locations l USING (location_id);
GRANT SELECT ON calendar_plans TO stocktide_reader;

-- Where rows may name customers by the ids of their senders. A start replaces them in the ledger, the next ETL run
-- makes the lake again; each takes its places out when they are done, and from then on it is empty.
CREATE TABLE clear_ids (
    -- a partition of the ledger, or lake
    place    text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT clear_ids_pkey PRIMARY KEY (place)
);

-- The sums that commitments must equal, from the ledger; `stocktide check` compares them.
CREATE VIEW commitment_fold AS
 SELECT COALESCE(k.opens, k.closes) AS purpose,
        CASE
            WHEN k.reference = 'order_id'::text THEN l.order_id
            ELSE l.reference
        END AS reference,
    l.product_id,
    l.location_id,
    COALESCE(sum(l.committed_milli) FILTER (WHERE k.opens IS NOT NULL), 0::numeric)::bigint AS opened_milli,
    COALESCE(sum(l.committed_milli) FILTER (WHERE k.closes IS NOT NULL), 0::numeric)::bigint AS closed_milli,
    (array_agg(f.expected_on ORDER BY f.entry_id DESC) FILTER (WHERE f.expected_on IS NOT NULL))[1] AS expected_on
   FROM ledger l
     JOIN event_kinds k USING (kind)
     LEFT JOIN ( SELECT ledger_in_force.product_id,
            ledger_in_force.location_id,
            ledger_in_force.entry_id,
            ledger_in_force.expected_on
           FROM ledger_in_force
          WHERE told_day(ledger_in_force.expected_on) IS NOT NULL) f USING (product_id, location_id, entry_id)
  WHERE l.committed_milli IS NOT NULL
  GROUP BY (COALESCE(k.opens, k.closes)), (
        CASE
            WHEN k.reference = 'order_id'::text THEN l.order_id
            ELSE l.reference
        END), l.product_id, l.location_id;

-- Goods promised under a reference: opened less closed. Sums, so that the order of events does not matter.
CREATE TABLE commitments (
    purpose      text COLLATE "C" NOT NULL,
    reference    text COLLATE "C" NOT NULL,
    product_id   integer NOT NULL,
    location_id  integer NOT NULL,
    opened_milli bigint NOT NULL DEFAULT 0,
    closed_milli bigint NOT NULL DEFAULT 0,
    expected_on  date,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT commitments_pkey PRIMARY KEY (purpose, reference, product_id, location_id),
    CONSTRAINT commitments_purpose_check CHECK (purpose = ANY (ARRAY['on_order'::text, 'in_transit'::text, 'promised'::text]))
);
-- Serves alerts/judge_late_orders: what is on order or in transit and should have come.
CREATE INDEX commitments_awaited ON commitments (expected_on) WHERE opened_milli > closed_milli AND (purpose = ANY (ARRAY['on_order'::text, 'in_transit'::text]));
-- Serves the view stock_position: what a pair has open.
CREATE INDEX commitments_open ON commitments (product_id, location_id) WHERE opened_milli > closed_milli;
-- Serves purchasing/desk/rule_candidates: the last orders of a pair.
CREATE INDEX commitments_ordered ON commitments (product_id, location_id, updated_at DESC) WHERE purpose = 'on_order'::text AND opened_milli > 0;
GRANT SELECT ON commitments TO stocktide_reader;

-- Which entry corrects which; each entry is corrected at most once.
CREATE TABLE corrections (
    corrected_entry_id bigint NOT NULL,
    source_id          integer NOT NULL,
    event_id           text COLLATE "C" NOT NULL,
    recorded_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT corrections_pkey PRIMARY KEY (corrected_entry_id)
);
GRANT SELECT ON corrections TO stocktide_reader;

-- Goods whose cost is not in the average, since no rate from its currency to that of the average was known for their
-- day.
CREATE VIEW costs_without_rate AS
 SELECT c.product_id,
    c.location_id,
    c.currency,
    s.cost_currency,
    min(c.occurred_at) AS first_at,
    count(*) AS goods
   FROM ( SELECT l.product_id,
            l.location_id,
            l.occurred_at,
                CASE
                    WHEN l.cost_micros IS NULL THEN f.cost_currency
                    ELSE l.currency
                END AS currency
           FROM ledger_costed l
             LEFT JOIN stock f ON f.product_id = l.product_id AND f.location_id = l.from_location_id) c
     JOIN stock s USING (product_id, location_id)
  WHERE c.currency <> s.cost_currency AND rate_of_goods(c.currency, s.cost_currency, c.occurred_at, c.location_id) IS NULL
  GROUP BY c.product_id, c.location_id, c.currency, s.cost_currency;
GRANT SELECT ON costs_without_rate TO stocktide_reader;

-- What one unit of a currency is worth in another, from a day on until the next rate of the two.
CREATE TABLE currency_rates (
    base        text NOT NULL,
    quote       text NOT NULL,
    day         date NOT NULL,
    rate        numeric NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    recorded_by text NOT NULL,
    CONSTRAINT currency_rates_pkey PRIMARY KEY (base, quote, day),
    CONSTRAINT currency_rates_base_check CHECK (base ~ '^[A-Z]{3}$'::text),
    CONSTRAINT currency_rates_check CHECK (quote ~ '^[A-Z]{3}$'::text AND quote <> base),
    CONSTRAINT currency_rates_rate_check CHECK (rate > 0::numeric)
);
-- Serves rate_on: the currencies that a rate leads to, the other way round
CREATE INDEX currency_rates_quote ON currency_rates (quote, base, day);
GRANT SELECT ON currency_rates TO stocktide_reader;

-- Who resolved a pseudonym to the id behind it, found the pseudonym of an id, or erased a customer, when and why.
-- Append-only; it holds no id.
CREATE TABLE customer_accesses (
    access_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    action    text NOT NULL,
    pseudonym text COLLATE "C" NOT NULL,
    asked_by  text NOT NULL,
    reason    text NOT NULL,
    at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT customer_accesses_pkey PRIMARY KEY (access_id),
    CONSTRAINT customer_accesses_action_check CHECK (action = ANY (ARRAY['resolve'::text, 'find'::text, 'erase'::text]))
);
CREATE TRIGGER customer_accesses_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON customer_accesses FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Customers: the pseudonym that the ledger knows, and what is known of who it is, encrypted. Of an erased one the
-- pseudonym is left, with who erased it, when and why.
CREATE TABLE customers (
    -- random, so that nothing but this row leads from an id to it
    pseudonym    text COLLATE "C" NOT NULL,
    -- HMAC-SHA256 of the sender's id under the installation's key; null: erased
    id_index     bytea,
    -- the customer's data key, encrypted under the installation's key (AES-256-GCM); null: erased
    wrapped_key  bytea,
    -- JSON of the personal fields, `id` among them, encrypted under the data key (AES-256-GCM); null: erased
    fields       bytea,
    -- tells under which installation's key the row was made
    key_mark     bytea,
    made_at      timestamptz NOT NULL DEFAULT now(),
    -- erasures are numbered in the order of their commits: processes that cache pseudonyms compare the newest
    erasure      bigint,
    erased_at    timestamptz,
    erased_by    text,
    erase_reason text,
    -- when the pages that held the erased fields, and rejects of the customer, were written again without them
    purged_at    timestamptz,
    CONSTRAINT customers_pkey PRIMARY KEY (pseudonym),
    CONSTRAINT customers_id_index_key UNIQUE (id_index),
    CONSTRAINT customers_check CHECK (num_nulls(id_index, wrapped_key, fields, key_mark) = ANY (ARRAY[0, 4])),
    CONSTRAINT customers_check1 CHECK ((erased_at IS NULL) = (id_index IS NOT NULL)),
    CONSTRAINT customers_check2 CHECK (num_nulls(erasure, erased_at, erased_by, erase_reason) = ANY (ARRAY[0, 4])),
    CONSTRAINT customers_pseudonym_check CHECK (pseudonym ~ '^c_[a-z2-7]{16}$'::text)
);
-- Serves ingest/last_erasure and ingest/no_erasure: the newest erasure.
CREATE UNIQUE INDEX customers_erasure ON customers (erasure) WHERE erasure IS NOT NULL;

-- The lake's daily_demand, kept beside the ledger for reading: one row per product, location and day with activity.
CREATE TABLE daily_demand (
    product_id     integer NOT NULL,
    location_id    integer NOT NULL,
    day            date NOT NULL,
    sold_milli     bigint NOT NULL,
    returned_milli bigint NOT NULL,
    -- sales less returns, at the prices of the lines
    revenue_micros bigint NOT NULL,
    orders         integer NOT NULL,
    price_micros   bigint,
    received_milli bigint NOT NULL,
    adjusted_milli bigint NOT NULL,
    promotion      boolean NOT NULL,
    on_hand_milli  bigint,
    in_stock_share double precision,
    -- out of stock for part of the day: what was sold is less than what was wanted
    censored       boolean NOT NULL,
    -- of revenue and price: of the price list, else the one that brought most; empty: nobody named one
    currency       text NOT NULL DEFAULT ''::text,
    -- revenue in other currencies, millionths by currency; hardly any day has some
    other_revenue  jsonb,
    CONSTRAINT daily_demand_pkey PRIMARY KEY (product_id, location_id, day)
);
-- Serves etl/serve_location_daily and forecasting/units_of_days: all pairs of some days.
CREATE INDEX daily_demand_day ON daily_demand (day, location_id);
GRANT SELECT ON daily_demand TO stocktide_reader;

-- Outbox of webhooks: written in the transaction of the alert's change, sent after it, kept when it could not be sent.
CREATE TABLE deliveries (
    delivery_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    webhook_id  integer NOT NULL,
    event_id    bigint NOT NULL,
    alert_id    bigint NOT NULL,
    -- rule and subject: what stands in one line is sent in order
    line        text NOT NULL,
    state       text NOT NULL DEFAULT 'waiting'::text,
    attempts    integer NOT NULL DEFAULT 0,
    next_at     timestamptz NOT NULL DEFAULT now(),
    created_at  timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz,
    last_status integer,
    last_error  text,
    -- the message as it was first sent, byte for byte: a later try sends it again
    body        bytea,
    CONSTRAINT deliveries_pkey PRIMARY KEY (delivery_id),
    CONSTRAINT deliveries_event_id_fkey FOREIGN KEY (event_id) REFERENCES alert_events(event_id),
    CONSTRAINT deliveries_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES webhooks(webhook_id) ON DELETE CASCADE,
    CONSTRAINT deliveries_state_check CHECK (state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'dead'::text]))
);
-- Serves alerts/claim_deliveries: whether an earlier delivery of its line still waits.
CREATE INDEX deliveries_before ON deliveries (webhook_id, line, delivery_id) WHERE state = 'waiting'::text;
-- Serves alerts/claim_deliveries: what is due.
CREATE INDEX deliveries_due ON deliveries (webhook_id, next_at) WHERE state = 'waiting'::text;
-- Serves the deletion of old deliveries (alerts.outbox).
CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE state <> 'waiting'::text;
-- Serves alerts/list_deliveries, and the deletion of a webhook.
CREATE INDEX deliveries_webhook ON deliveries (webhook_id, delivery_id);
GRANT SELECT ON deliveries TO stocktide_reader;

-- EPCIS capture jobs: what was sent around the events, and what became of it.
CREATE TABLE epcis_captures (
    capture_id      uuid NOT NULL,
    feed            text NOT NULL,
    error_behaviour text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    finished_at     timestamptz,
    success         boolean NOT NULL DEFAULT true,
    -- the document without its events: context, sender, master data
    header          json NOT NULL DEFAULT '{}'::json,
    events          integer NOT NULL DEFAULT 0,
    duplicates      integer NOT NULL DEFAULT 0,
    errors          jsonb NOT NULL DEFAULT '[]'::jsonb,
    CONSTRAINT epcis_captures_pkey PRIMARY KEY (capture_id),
    CONSTRAINT epcis_captures_error_behaviour_check CHECK (error_behaviour = ANY (ARRAY['rollback'::text, 'proceed'::text]))
);
-- Serves ingest/epcis/captures, newest first.
CREATE INDEX epcis_captures_created ON epcis_captures (created_at DESC, capture_id);
GRANT SELECT ON epcis_captures TO stocktide_reader;

-- EPCIS events as captured. Identifiers in arrays have one spelling (GS1 Digital Link) and carry the patterns that
-- match them. An error declaration is a row beside the event it is for.
CREATE TABLE epcis_events (
    event_no           bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- eventID, or the event hash where there is none
    identity           text COLLATE "C" NOT NULL,
    declares_error     boolean NOT NULL DEFAULT false,
    event_hash         text COLLATE "C" NOT NULL,
    -- event hash, and for a declaration also the hash of what it declares
    payload_hash       text COLLATE "C" NOT NULL,
    capture_id         uuid NOT NULL,
    feed               text NOT NULL,
    event              json NOT NULL,
    context            json NOT NULL DEFAULT '[]'::json,
    record_time        timestamptz NOT NULL DEFAULT now(),
    event_time         timestamptz NOT NULL,
    event_type         text NOT NULL,
    action             text,
    biz_step           text,
    disposition        text,
    read_point         text,
    biz_location       text,
    transformation_id  text,
    parent_id          text,
    parent_keys        text[] NOT NULL DEFAULT '{}'::text[],
    epcs               text[] NOT NULL DEFAULT '{}'::text[],
    input_epcs         text[] NOT NULL DEFAULT '{}'::text[],
    output_epcs        text[] NOT NULL DEFAULT '{}'::text[],
    classes            text[] NOT NULL DEFAULT '{}'::text[],
    input_classes      text[] NOT NULL DEFAULT '{}'::text[],
    output_classes     text[] NOT NULL DEFAULT '{}'::text[],
    quantities         numeric[] NOT NULL DEFAULT '{}'::numeric[],
    units              text[] NOT NULL DEFAULT '{}'::text[],
    transactions       text[] NOT NULL DEFAULT '{}'::text[],
    sources            text[] NOT NULL DEFAULT '{}'::text[],
    destinations       text[] NOT NULL DEFAULT '{}'::text[],
    dispositions_set   text[] NOT NULL DEFAULT '{}'::text[],
    dispositions_unset text[] NOT NULL DEFAULT '{}'::text[],
    error_time         timestamptz,
    error_reason       text,
    corrective_ids     text[] NOT NULL DEFAULT '{}'::text[],
    movement_state     text NOT NULL DEFAULT 'pending'::text,
    movement_note      text,
    -- what the ledger was told: id, outcome and reason of each movement
    movements          jsonb NOT NULL DEFAULT '[]'::jsonb,
    -- when a process took the pending event up; another may after a minute
    claimed_at         timestamptz,
    -- when its movements were made or refused last
    settled_at         timestamptz,
    CONSTRAINT epcis_events_pkey PRIMARY KEY (event_no),
    CONSTRAINT epcis_events_capture_id_fkey FOREIGN KEY (capture_id) REFERENCES epcis_captures(capture_id),
    CONSTRAINT epcis_events_check CHECK (declares_error = (error_time IS NOT NULL)),
    CONSTRAINT epcis_events_movement_state_check CHECK (movement_state = ANY (ARRAY['pending'::text, 'none'::text, 'recorded'::text, 'partial'::text, 'rejected'::text, 'withdrawn'::text]))
);
-- Serves ingest/epcis/capture_states and ingest/epcis/claim_capture.
CREATE INDEX epcis_events_capture ON epcis_events (capture_id);
-- Serves ingest/epcis/declared_wrong for declarations without an eventID.
CREATE INDEX epcis_events_hash ON epcis_events (event_hash);
-- Exactly once. Serves the ON CONFLICT of ingest/epcis/insert_events, and ingest/epcis/known_events.
CREATE UNIQUE INDEX epcis_events_identity ON epcis_events (identity, declares_error);
-- Serves ingest/epcis/events with EQ_bizLocation, and ingest/epcis/seen.
CREATE INDEX epcis_events_location ON epcis_events (biz_location, event_time);
-- Serves ingest/epcis/events with MATCH_, EQ_bizTransaction_, EQ_source_ and EQ_destination_ parameters.
CREATE INDEX epcis_events_matched ON epcis_events USING gin (epcs, parent_keys, input_epcs, output_epcs, classes, input_classes, output_classes, transactions, sources, destinations);
-- Serves ingest/epcis/packings: what is in a container.
CREATE INDEX epcis_events_packings ON epcis_events (parent_id, event_time, event_no) WHERE event_type = 'AggregationEvent'::text AND (action = ANY (ARRAY['ADD'::text, 'DELETE'::text]));
-- Serves ingest/epcis/claim_stale: what a killed process left undone, oldest claim first.
CREATE INDEX epcis_events_pending ON epcis_events (claimed_at NULLS FIRST, event_no) WHERE movement_state = 'pending'::text;
-- Serves ingest/epcis/events with EQ_readPoint, and ingest/epcis/seen.
CREATE INDEX epcis_events_read_point ON epcis_events (read_point, event_time);
-- Serves ingest/epcis/events in the order and range of record time.
CREATE INDEX epcis_events_recorded ON epcis_events (record_time, event_no);
-- Serves ingest/epcis/retry_rejected: tried longest ago first.
CREATE INDEX epcis_events_refused ON epcis_events (settled_at NULLS FIRST, event_no) WHERE movement_state = ANY (ARRAY['rejected'::text, 'partial'::text]);
-- Serves ingest/epcis/events with EQ_bizStep, and ingest/epcis/seen.
CREATE INDEX epcis_events_step ON epcis_events (biz_step, event_time);
-- Serves ingest/epcis/events in the order and range of event time.
CREATE INDEX epcis_events_time ON epcis_events (event_time, event_no);
GRANT SELECT ON epcis_events TO stocktide_reader;

-- Which movement an EPCIS event is: the most specific row wins. * stands for anything, in disposition also for none.
CREATE TABLE epcis_movements (
    event_type  text NOT NULL DEFAULT 'ObjectEvent'::text,
    biz_step    text NOT NULL DEFAULT '*'::text,
    disposition text NOT NULL DEFAULT '*'::text,
    action      text NOT NULL DEFAULT '*'::text,
    movement    text NOT NULL,
    why         text,
    CONSTRAINT epcis_movements_pkey PRIMARY KEY (event_type, biz_step, disposition, action),
    CONSTRAINT epcis_movements_action_check CHECK (action = ANY (ARRAY['*'::text, 'ADD'::text, 'OBSERVE'::text, 'DELETE'::text])),
    CONSTRAINT epcis_movements_movement_check CHECK (movement = ANY (ARRAY['none'::text, 'receipt'::text, 'return'::text, 'sale'::text, 'adjustment in'::text, 'adjustment out'::text, 'stocktake'::text, 'reading'::text, 'dispatch'::text, 'arrival'::text]))
);
GRANT SELECT ON epcis_movements TO stocktide_reader;

-- EPCIS master data as captured: what is within a place, for WD_ parameters.
CREATE TABLE epcis_vocabulary (
    vocabulary text NOT NULL,
    element    text NOT NULL,
    attributes json NOT NULL DEFAULT '[]'::json,
    children   text[] NOT NULL DEFAULT '{}'::text[],
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT epcis_vocabulary_pkey PRIMARY KEY (vocabulary, element)
);
-- Serves the function epcis_within: the walk down from a place.
CREATE INDEX epcis_vocabulary_element ON epcis_vocabulary (element);
GRANT SELECT ON epcis_vocabulary TO stocktide_reader;

-- where the ledger row of leg 0 stands: recorded_at names its partition, product, location and occurred_at find it by
-- ledger_pair, so that no index of the ledger's own must be kept for it
CREATE TABLE event_identities (
    source_id   integer NOT NULL,
    event_id    text COLLATE "C" NOT NULL,
    entry_id    bigint NOT NULL,
    product_id  integer NOT NULL,
    location_id integer NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
-- Exactly once: an event is claimed here in the transaction that writes its rows. Serves the ON CONFLICT of
-- ingest/claim.
CREATE UNIQUE INDEX event_identity ON event_identities (source_id, event_id);
CREATE TRIGGER identities_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON event_identities FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT ON event_identities TO stocktide_reader;

-- what each kind of event does; twin of stocktide/domain/kinds.py, changed by migrations alone
CREATE TABLE event_kinds (
    kind        text COLLATE "C" NOT NULL,
    -- by which the quantity changes stock on hand at the event's location; the row in the ledger has it already
    sign        smallint NOT NULL,
    -- the same where the goods go to; null: there is no second row
    second_sign smallint,
    opens       text,
    closes      text,
    -- the row that carries what is opened or closed
    commit_leg  smallint,
    -- field that names what is opened or closed: order_id is a column of the ledger, the others stand in its column
    -- reference
    reference   text,
    -- the ledger keeps what was seen on the shelf
    observes    boolean NOT NULL,
    -- sets stock on hand to what was counted
    is_count    boolean NOT NULL,
    sets_price  boolean NOT NULL,
    -- from it on, the stock of its place is known
    shows_stock boolean NOT NULL,
    -- column of daily_demand that counts the quantity
    daily       text,
    scored      boolean NOT NULL,
    reversible  boolean NOT NULL,
    -- a correction; in the ledger its row has the kind of what it reverses
    corrects    boolean NOT NULL,
    CONSTRAINT event_kinds_pkey PRIMARY KEY (kind),
    CONSTRAINT event_kinds_check CHECK (is_count = is_stock_count(kind)),
    CONSTRAINT event_kinds_check1 CHECK (num_nonnulls(opens, closes) = num_nonnulls(commit_leg)),
    CONSTRAINT event_kinds_check2 CHECK (num_nonnulls(commit_leg) = num_nonnulls(reference)),
    CONSTRAINT event_kinds_check3 CHECK (observes >= is_count),
    CONSTRAINT event_kinds_closes_check CHECK (closes = ANY (ARRAY['on_order'::text, 'in_transit'::text, 'promised'::text])),
    CONSTRAINT event_kinds_commit_leg_check CHECK (commit_leg = ANY (ARRAY[0, 1])),
    CONSTRAINT event_kinds_daily_check CHECK (daily = ANY (ARRAY['sold'::text, 'returned'::text, 'received'::text, 'adjusted'::text])),
    CONSTRAINT event_kinds_opens_check CHECK (opens = ANY (ARRAY['on_order'::text, 'in_transit'::text, 'promised'::text])),
    CONSTRAINT event_kinds_reference_check CHECK (reference = ANY (ARRAY['order_id'::text, 'reservation_id'::text, 'transfer_id'::text])),
    CONSTRAINT event_kinds_second_sign_check CHECK (second_sign = ANY (ARRAY['-1'::integer, 0, 1])),
    CONSTRAINT event_kinds_sign_check CHECK (sign = ANY (ARRAY['-1'::integer, 0, 1]))
);
GRANT SELECT ON event_kinds TO stocktide_reader;

-- What each source sent of its last days, from the lake's feeds_days.
CREATE TABLE feed_days (
    source_id        integer NOT NULL,
    day              date NOT NULL,
    -- when the day ended at the last of its locations
    ends_at          timestamptz NOT NULL,
    events           bigint NOT NULL,
    -- events that had been recorded by so many hours after the end of the day: 0, 1, 3, 6, 12, 24, 48, 72, 168
    arrived          bigint[] NOT NULL,
    last_recorded_at timestamptz NOT NULL,
    CONSTRAINT feed_days_pkey PRIMARY KEY (source_id, day),
    CONSTRAINT feed_days_source_id_fkey FOREIGN KEY (source_id) REFERENCES sources(source_id),
    CONSTRAINT feed_days_events_check CHECK (events >= 0)
);
GRANT SELECT ON feed_days TO stocktide_reader;

-- Counts per feed and minute: what the System page and `stocktide status` show without reading the ledger.
CREATE TABLE feed_minutes (
    feed               text NOT NULL,
    minute             timestamptz NOT NULL,
    accepted           integer NOT NULL DEFAULT 0,
    duplicate          integer NOT NULL DEFAULT 0,
    conflict           integer NOT NULL DEFAULT 0,
    rejected           integer NOT NULL DEFAULT 0,
    newest_occurred_at timestamptz,
    CONSTRAINT feed_minutes_pkey PRIMARY KEY (feed, minute)
);
GRANT SELECT ON feed_minutes TO stocktide_reader;

-- How long a feed is silent when all is well, learned from feed_minutes once an hour.
CREATE TABLE feed_rhythms (
    feed         text NOT NULL,
    -- the second longest silence of the last 28 days, thousandths of a second
    gap_milli    bigint NOT NULL,
    first_minute timestamptz NOT NULL,
    learned_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT feed_rhythms_pkey PRIMARY KEY (feed)
);
GRANT SELECT ON feed_rhythms TO stocktide_reader;

-- every feed: whether its key has ended, when it was last heard, and what silent_limit_s needs
CREATE VIEW feed_silence AS
 WITH RECURSIVE counted AS (
        ( SELECT feed_minutes.feed
           FROM feed_minutes
          ORDER BY feed_minutes.feed
         LIMIT 1)
        UNION ALL
         SELECT ( SELECT m.feed
                   FROM feed_minutes m
                  WHERE m.feed > c.feed
                  ORDER BY m.feed
                 LIMIT 1) AS feed
           FROM counted c
          WHERE c.feed IS NOT NULL
        ), key AS (
         SELECT access_keys.name,
            access_keys.expect_every_s,
            access_keys.created_at,
            access_keys.revoked_at IS NOT NULL OR COALESCE(access_keys.expires_at <= now(), false) AS ended
           FROM access_keys
        ), known AS (
         SELECT counted.feed
           FROM counted
          WHERE counted.feed IS NOT NULL
        UNION
         SELECT key.name
           FROM key
          WHERE key.expect_every_s IS NOT NULL AND NOT key.ended
        UNION
         SELECT alerts.feed
           FROM alerts
          WHERE alerts.closed_at IS NULL AND alerts.feed IS NOT NULL
        )
 SELECT n.feed,
    COALESCE(k.ended, false) AS ended,
    last.minute AS last_minute,
    GREATEST(0::numeric, EXTRACT(epoch FROM now() - COALESCE(last.minute + '00:01:00'::interval, k.created_at)))::double precision AS silent_s,
    k.expect_every_s::double precision AS expected_s,
    r.gap_milli::double precision / 1000.0::double precision AS gap_s,
    EXTRACT(epoch FROM last.minute - r.first_minute)::double precision AS known_for_s
   FROM known n
     LEFT JOIN key k ON k.name = n.feed
     LEFT JOIN feed_rhythms r ON r.feed = n.feed
     LEFT JOIN LATERAL ( SELECT m.minute
           FROM feed_minutes m
          WHERE m.feed = n.feed
          ORDER BY m.minute DESC
         LIMIT 1) last ON true;
GRANT SELECT ON feed_silence TO stocktide_reader;

-- History that a run's charts show beside its forecast, by node and period.
CREATE TABLE forecast_actuals (
    forecast_run_id bigint NOT NULL,
    node_id         integer NOT NULL,
    ds              date NOT NULL,
    y               double precision NOT NULL,
    CONSTRAINT forecast_actuals_pkey PRIMARY KEY (forecast_run_id, node_id, ds),
    CONSTRAINT forecast_actuals_forecast_run_id_fkey FOREIGN KEY (forecast_run_id) REFERENCES forecast_runs(forecast_run_id) ON DELETE CASCADE
);
GRANT SELECT ON forecast_actuals TO stocktide_reader;

-- Parts of a node's forecast that add up to its mean, one row per part: units a day from first_day on.
CREATE TABLE forecast_components (
    forecast_run_id bigint NOT NULL,
    node_id         integer NOT NULL,
    component       text NOT NULL,
    first_day       date NOT NULL,
    units           real[] NOT NULL,
    CONSTRAINT forecast_components_pkey PRIMARY KEY (forecast_run_id, node_id, component),
    CONSTRAINT forecast_components_forecast_run_id_fkey FOREIGN KEY (forecast_run_id) REFERENCES forecast_runs(forecast_run_id) ON DELETE CASCADE
);
GRANT SELECT ON forecast_components TO stocktide_reader;

-- Who made which version champion, and why: never changed, so that a rollback knows the version before.
CREATE TABLE forecast_decisions (
    decision_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    decided_at  timestamptz NOT NULL DEFAULT now(),
    action      text NOT NULL,
    version     bigint NOT NULL,
    replaced    bigint,
    decided_by  text NOT NULL,
    reason      text NOT NULL,
    CONSTRAINT forecast_decisions_pkey PRIMARY KEY (decision_id),
    CONSTRAINT forecast_decisions_replaced_fkey FOREIGN KEY (replaced) REFERENCES forecast_models(version),
    CONSTRAINT forecast_decisions_version_fkey FOREIGN KEY (version) REFERENCES forecast_models(version),
    CONSTRAINT forecast_decisions_action_check CHECK (action = ANY (ARRAY['promote'::text, 'reject'::text, 'rollback'::text]))
);
GRANT SELECT ON forecast_decisions TO stocktide_reader;

-- How far the published forecast was off, by period and level, and whether that is more than it said.
CREATE TABLE forecast_drift (
    day             date NOT NULL,
    level           smallint NOT NULL,
    level_name      text NOT NULL,
    forecast_run_id bigint NOT NULL,
    wape            double precision,
    -- forecast less what came, over what came: above 0 is too much
    bias            double precision,
    expected_wape   double precision,
    alarm           boolean NOT NULL DEFAULT false,
    frequency       text NOT NULL DEFAULT 'D'::text,
    CONSTRAINT forecast_drift_pkey PRIMARY KEY (day, level),
    CONSTRAINT forecast_drift_frequency_check CHECK (frequency = ANY (ARRAY['D'::text, 'W'::text, 'M'::text, 'Q'::text]))
);
GRANT SELECT ON forecast_drift TO stocktide_reader;

-- Error of each model on the held-out periods, by level and metric.
CREATE TABLE forecast_errors (
    forecast_run_id bigint NOT NULL,
    level           smallint NOT NULL,
    level_name      text NOT NULL,
    model           text NOT NULL,
    metric          text NOT NULL,
    value           double precision,
    CONSTRAINT forecast_errors_pkey PRIMARY KEY (forecast_run_id, level, model, metric),
    CONSTRAINT forecast_errors_forecast_run_id_fkey FOREIGN KEY (forecast_run_id) REFERENCES forecast_runs(forecast_run_id) ON DELETE CASCADE
);
GRANT SELECT ON forecast_errors TO stocktide_reader;

-- Registry of versions: one row per finished run. A row outlives its run's days, and the run.
CREATE TABLE forecast_models (
    version         bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    forecast_run_id bigint,
    mlflow_run_id   text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    cutoff          date NOT NULL,
    -- retired: was champion once; rejected: never was
    status          text NOT NULL DEFAULT 'challenger'::text,
    -- error over all levels and origins, lower is better
    score           double precision,
    -- the then champion's choice on the same origins
    champion_score  double precision,
    margin          double precision NOT NULL DEFAULT 0,
    decided_at      timestamptz,
    decided_by      text,
    reason          text,
    CONSTRAINT forecast_models_pkey PRIMARY KEY (version),
    CONSTRAINT forecast_models_forecast_run_id_key UNIQUE (forecast_run_id),
    CONSTRAINT forecast_models_forecast_run_id_fkey FOREIGN KEY (forecast_run_id) REFERENCES forecast_runs(forecast_run_id) ON DELETE SET NULL,
    CONSTRAINT forecast_models_status_check CHECK (status = ANY (ARRAY['challenger'::text, 'champion'::text, 'retired'::text, 'rejected'::text]))
);
-- One champion at a time. Serves forecasting/champion.
CREATE UNIQUE INDEX forecast_models_one_champion ON forecast_models ((true)) WHERE status = 'champion'::text;
GRANT SELECT ON forecast_models TO stocktide_reader;

-- Nodes of a run's hierarchy: level, keys and parent.
CREATE TABLE forecast_nodes (
    forecast_run_id bigint NOT NULL,
    node_id         integer NOT NULL,
    level           smallint NOT NULL,
    level_name      text NOT NULL,
    unique_id       text NOT NULL,
    label           text NOT NULL,
    parent_id       integer,
    keys            jsonb NOT NULL,
    warning         text,
    CONSTRAINT forecast_nodes_pkey PRIMARY KEY (forecast_run_id, node_id),
    CONSTRAINT forecast_nodes_forecast_run_id_fkey FOREIGN KEY (forecast_run_id) REFERENCES forecast_runs(forecast_run_id) ON DELETE CASCADE
);
-- Serves catalog/product_forecast: the nodes of a product.
CREATE INDEX forecast_nodes_keys ON forecast_nodes USING gin (keys jsonb_path_ops);
-- Serves catalog/forecast_nodes: the children of a node.
CREATE INDEX forecast_nodes_parent ON forecast_nodes (forecast_run_id, parent_id);
GRANT SELECT ON forecast_nodes TO stocktide_reader;

-- What planners changed of forecasts. Never overwritten, as calendar_events; the published forecast stays as it is.
CREATE TABLE forecast_overrides (
    -- overrides apply in this order
    override_id  bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- the sender's id, or one that follows from the content
    override     text COLLATE "C" NOT NULL,
    content_hash text NOT NULL,
    -- with the five columns after it: what it is for; null does not limit it
    product      text COLLATE "C",
    department   text,
    category     text,
    location     text COLLATE "C",
    region       text,
    country      text,
    -- set: units from starts_on to ends_on in all; add: units more or fewer; percent: more or less
    change       text NOT NULL,
    value        double precision NOT NULL,
    starts_on    date NOT NULL,
    ends_on      date NOT NULL,
    reason       text NOT NULL,
    note         text,
    -- the last day on which it counts; null: until it is withdrawn
    expires_on   date,
    known_since  timestamptz NOT NULL DEFAULT now(),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    recorded_by  text NOT NULL,
    withdrawn_at timestamptz,
    withdrawn_by text,
    CONSTRAINT forecast_overrides_pkey PRIMARY KEY (override_id),
    CONSTRAINT forecast_overrides_location_fkey FOREIGN KEY (location) REFERENCES locations(code),
    CONSTRAINT forecast_overrides_product_fkey FOREIGN KEY (product) REFERENCES products(sku),
    CONSTRAINT forecast_overrides_change_check CHECK (change = ANY (ARRAY['set'::text, 'add'::text, 'percent'::text])),
    CONSTRAINT forecast_overrides_check CHECK (ends_on >= starts_on),
    CONSTRAINT forecast_overrides_check1 CHECK (withdrawn_at >= known_since),
    CONSTRAINT forecast_overrides_check2 CHECK (change <> 'set'::text OR value >= 0::double precision),
    CONSTRAINT forecast_overrides_check3 CHECK (change <> 'percent'::text OR value >= '-100'::integer::double precision),
    CONSTRAINT forecast_overrides_check4 CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CONSTRAINT forecast_overrides_override_check CHECK (length(override) >= 1 AND length(override) <= 100)
);
-- One row of an override is in force. Serves the ON CONFLICT of ingest/versions/put.
CREATE UNIQUE INDEX forecast_overrides_in_force ON forecast_overrides (override) WHERE withdrawn_at IS NULL;
CREATE TRIGGER forecast_overrides_stay BEFORE DELETE OR UPDATE ON forecast_overrides FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
GRANT SELECT ON forecast_overrides TO stocktide_reader;

-- Joint sample paths over the horizon, (paths, days): path i of a node is the sum of path i of its leaves.
CREATE TABLE forecast_paths (
    forecast_run_id bigint NOT NULL,
    node_id         integer NOT NULL,
    units           real[] NOT NULL,
    CONSTRAINT forecast_paths_pkey PRIMARY KEY (forecast_run_id, node_id),
    CONSTRAINT forecast_paths_forecast_run_id_fkey FOREIGN KEY (forecast_run_id) REFERENCES forecast_runs(forecast_run_id) ON DELETE CASCADE
);
GRANT SELECT ON forecast_paths TO stocktide_reader;

-- One row per forecast. Its days are written whole, then published_forecast points at it: readers never see half a run.
CREATE TABLE forecast_runs (
    forecast_run_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    run_id          bigint,
    created_at      timestamptz NOT NULL DEFAULT now(),
    -- last day that the models saw
    cutoff          date NOT NULL,
    -- days from the cutoff to the last day of the last period
    horizon_days    integer NOT NULL,
    method          text NOT NULL,
    lake_version    bigint NOT NULL,
    hierarchy       jsonb NOT NULL,
    mlflow_run_id   text,
    detail          jsonb NOT NULL DEFAULT '{}'::jsonb,
    -- what the backtest chose: winner, weights by candidate, winners by level, margin
    choice          jsonb,
    -- when its days were dropped; head, errors and scores stay for comparing
    pruned_at       timestamptz,
    -- D, W, M or Q: one row of forecasts and forecast_actuals a period, ds is its last day
    frequency       text NOT NULL DEFAULT 'D'::text,
    -- periods ahead; null: as many as horizon_days
    horizon         integer,
    -- all sales of a period are dated on one day of it, as a monthly export does
    one_day         boolean NOT NULL DEFAULT false,
    CONSTRAINT forecast_runs_pkey PRIMARY KEY (forecast_run_id),
    CONSTRAINT forecast_runs_run_id_fkey FOREIGN KEY (run_id) REFERENCES runs(run_id),
    CONSTRAINT forecast_runs_frequency_check CHECK (frequency = ANY (ARRAY['D'::text, 'W'::text, 'M'::text, 'Q'::text]))
);
GRANT SELECT ON forecast_runs TO stocktide_reader;

-- The backtest: every candidate at every origin, by level and demand class (all: the classes together).
CREATE TABLE forecast_scores (
    forecast_run_id bigint NOT NULL,
    -- last day that the candidates saw
    origin          date NOT NULL,
    level           smallint NOT NULL,
    level_name      text NOT NULL,
    demand_class    text NOT NULL,
    candidate       text NOT NULL,
    metric          text NOT NULL,
    value           double precision,
    CONSTRAINT forecast_scores_pkey PRIMARY KEY (forecast_run_id, level, metric, candidate, demand_class, origin),
    CONSTRAINT forecast_scores_forecast_run_id_fkey FOREIGN KEY (forecast_run_id) REFERENCES forecast_runs(forecast_run_id) ON DELETE CASCADE
);
GRANT SELECT ON forecast_scores TO stocktide_reader;

-- The forecast of each node and period: mean and quantiles.
CREATE TABLE forecasts (
    forecast_run_id bigint NOT NULL,
    node_id         integer NOT NULL,
    ds              date NOT NULL,
    yhat            double precision NOT NULL,
    q025            double precision NOT NULL,
    q10             double precision NOT NULL,
    q25             double precision NOT NULL,
    q50             double precision NOT NULL,
    q75             double precision NOT NULL,
    q90             double precision NOT NULL,
    q975            double precision NOT NULL,
    -- q20, q30, q40, q60, q70, q80: NULL in runs from before deciles were published
    q20             double precision,
    q30             double precision,
    q40             double precision,
    q60             double precision,
    q70             double precision,
    q80             double precision,
    CONSTRAINT forecasts_pkey PRIMARY KEY (forecast_run_id, node_id, ds),
    CONSTRAINT forecasts_forecast_run_id_fkey FOREIGN KEY (forecast_run_id) REFERENCES forecast_runs(forecast_run_id) ON DELETE CASCADE
);
GRANT SELECT ON forecasts TO stocktide_reader;

-- The published forecast with the overrides in force, by item and period: what is shown and acted on. published: its
-- mean without them; is_adjusted: some override reaches the item. What models and versions are judged by is read from
-- forecasts.
CREATE VIEW forecasts_in_force AS
 SELECT f.forecast_run_id,
    f.node_id,
    f.ds,
    COALESCE(a.yhat[k.at], f.yhat) AS yhat,
    f.yhat AS published,
    a.node_id IS NOT NULL AS is_adjusted,
    f.q025 * COALESCE(a.factor[k.at], 1::double precision) + COALESCE(a.added[k.at][1], 0::double precision) AS q025,
    f.q10 * COALESCE(a.factor[k.at], 1::double precision) + COALESCE(a.added[k.at][2], 0::double precision) AS q10,
    f.q20 * COALESCE(a.factor[k.at], 1::double precision) + COALESCE(a.added[k.at][3], 0::double precision) AS q20,
    f.q25 * COALESCE(a.factor[k.at], 1::double precision) + COALESCE(a.added[k.at][4], 0::double precision) AS q25,
    f.q30 * COALESCE(a.factor[k.at], 1::double precision) + COALESCE(a.added[k.at][5], 0::double precision) AS q30,
    f.q40 * COALESCE(a.factor[k.at], 1::double precision) + COALESCE(a.added[k.at][6], 0::double precision) AS q40,
    f.q50 * COALESCE(a.factor[k.at], 1::double precision) + COALESCE(a.added[k.at][7], 0::double precision) AS q50,
    f.q60 * COALESCE(a.factor[k.at], 1::double precision) + COALESCE(a.added[k.at][8], 0::double precision) AS q60,
    f.q70 * COALESCE(a.factor[k.at], 1::double precision) + COALESCE(a.added[k.at][9], 0::double precision) AS q70,
    f.q75 * COALESCE(a.factor[k.at], 1::double precision) + COALESCE(a.added[k.at][10], 0::double precision) AS q75,
    f.q80 * COALESCE(a.factor[k.at], 1::double precision) + COALESCE(a.added[k.at][11], 0::double precision) AS q80,
    f.q90 * COALESCE(a.factor[k.at], 1::double precision) + COALESCE(a.added[k.at][12], 0::double precision) AS q90,
    f.q975 * COALESCE(a.factor[k.at], 1::double precision) + COALESCE(a.added[k.at][13], 0::double precision) AS q975
   FROM published_forecast p
     JOIN forecasts f USING (forecast_run_id)
     LEFT JOIN adjusted_forecasts a USING (forecast_run_id, node_id)
     CROSS JOIN LATERAL ( SELECT array_position(a.ends, f.ds) AS at) k;
GRANT SELECT ON forecasts_in_force TO stocktide_reader;

-- Products at places that the ETL cannot bring on: each run tries them again, and what works is let go. Their figures
-- stand where they stood.
CREATE TABLE held_pairs (
    product_id  integer NOT NULL,
    location_id integer NOT NULL,
    -- what failed: movements (rows of the ledger to the lake), daily_demand (days from movements), served (the copy
    -- that pages read)
    stage       text NOT NULL,
    error       text NOT NULL,
    -- what the pair has from this transaction on is missing in the stage that failed
    xid_from    bigint NOT NULL,
    -- runs that found that it fails by itself
    tries       integer NOT NULL DEFAULT 1,
    held_at     timestamptz NOT NULL DEFAULT now(),
    tried_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT held_pairs_pkey PRIMARY KEY (product_id, location_id),
    CONSTRAINT held_pairs_location_id_fkey FOREIGN KEY (location_id) REFERENCES locations(location_id),
    CONSTRAINT held_pairs_product_id_fkey FOREIGN KEY (product_id) REFERENCES products(product_id),
    CONSTRAINT held_pairs_stage_check CHECK (stage = ANY (ARRAY['movements'::text, 'daily_demand'::text, 'served'::text]))
);
GRANT SELECT ON held_pairs TO stocktide_reader;

-- The version that each table of the lake had when a run of the ETL, or of maintenance, ended: one row a run that
-- changed one.
CREATE TABLE lake_history (
    history_id       bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    noted_at         timestamptz NOT NULL DEFAULT now(),
    -- run of the ETL that landed it, of the table runs; empty: not known
    run_id           bigint,
    -- everything from transactions before this one had landed, but for pairs that were held out
    xid_before       bigint NOT NULL,
    -- the newest recording time of what had landed
    recorded_through timestamptz,
    -- version of each table by its name
    versions         jsonb NOT NULL,
    CONSTRAINT lake_history_pkey PRIMARY KEY (history_id)
);
-- Serves query/lineage/lake_at: the lake as it was at a moment.
CREATE INDEX lake_history_noted ON lake_history (noted_at);
-- Serves query/lineage/first_landed: the first versions with a transaction.
CREATE INDEX lake_history_xid ON lake_history (xid_before, history_id);

-- How far the ETL has come, for display; it resumes from the lake's own commit log.
CREATE TABLE lake_versions (
    table_name       text NOT NULL,
    version          bigint NOT NULL,
    xid_before       xid8 NOT NULL,
    rows_total       bigint NOT NULL,
    recorded_through timestamptz,
    updated_at       timestamptz NOT NULL DEFAULT now(),
    -- sums of the ledger before xid_before, corrections included; nothing: not known, the next run sums all of it
    quantity_milli   numeric,
    sold_milli       numeric,
    returned_milli   numeric,
    -- when they were last summed from all of the ledger, not from what was new
    proven_at        timestamptz,
    CONSTRAINT lake_versions_pkey PRIMARY KEY (table_name)
);
GRANT SELECT ON lake_versions TO stocktide_reader;

-- How long suppliers take, learnt from orders and receipts; the job lead_times replaces all rows.
CREATE TABLE lead_times (
    supplier     text COLLATE "C" NOT NULL,
    -- null: of all that the supplier sells
    product      text COLLATE "C",
    -- order lines that it was learnt from
    lines        double precision NOT NULL,
    -- of them, those that are awaited
    open_lines   double precision,
    -- chance that what is ordered does not come at all
    unfulfilled  double precision,
    -- chances of 0, 1, 2, … days from order to receipt
    shares       double precision[] NOT NULL,
    -- of the table purchases
    lake_version bigint NOT NULL,
    learnt_at    timestamptz NOT NULL DEFAULT now()
);
-- One row a supplier and product. Serves purchasing/lead_times.
CREATE UNIQUE INDEX lead_times_of ON lead_times (supplier, product) NULLS NOT DISTINCT;
GRANT SELECT ON lead_times TO stocktide_reader;

-- append-only; no foreign keys, for they cost a third of an insert: products, locations and sources refuse deletion
-- instead, and `stocktide check` looks
CREATE TABLE ledger (
    entry_id          bigint NOT NULL,
    source_id         integer NOT NULL,
    event_id          text COLLATE "C" NOT NULL,
    leg               smallint NOT NULL DEFAULT 0,
    kind              text COLLATE "C" NOT NULL,
    product_id        integer NOT NULL,
    location_id       integer NOT NULL,
    to_location_id    integer,
    quantity_milli    bigint NOT NULL,
    observed_milli    bigint,
    price_micros      bigint,
    currency          text,
    promotion         boolean,
    order_id          text,
    order_line        integer,
    customer_id       text,
    channel           text,
    reason            text,
    -- supplier of a receipt, device of a reading
    counterparty      text,
    occurred_at       timestamptz NOT NULL,
    -- what an order, a reservation or a dispatch promises (opens or, with a receipt, a sale or an arrival, closes)
    committed_milli   bigint,
    -- reservation or transfer that the row belongs to; of orders it is order_id
    reference         text,
    cost_micros       bigint,
    lot               text,
    expires_on        date,
    expected_on       date,
    -- entry that this row reverses
    corrects          bigint,
    attributes        jsonb,
    recorded_at       timestamptz NOT NULL DEFAULT now(),
    xid               xid8 NOT NULL DEFAULT pg_current_xact_id(),
    -- what was paid for the line, where that is not just quantity times price
    line_total_micros bigint,
    CONSTRAINT ledger_check2 CHECK ((kind = ANY (ARRAY['stocktake'::text, 'reading'::text])) = (observed_milli IS NOT NULL)),
    CONSTRAINT ledger_check3 CHECK (observed_milli IS NULL OR quantity_milli = 0)
) PARTITION BY RANGE (recorded_at);
-- Serves ingest/rates/refold: goods that came at a cost since a day.
CREATE INDEX ledger_costs ON ledger (occurred_at, product_id) WHERE cost_micros IS NOT NULL OR leg = 1;
-- Serves ingest/refold and catalog/stock_as_of: the newest stocktake of a pair.
CREATE INDEX ledger_counts ON ledger (product_id, location_id, occurred_at DESC, entry_id DESC) WHERE kind = 'stocktake'::text;
-- Serves ingest/refold_lots: rows of a pair that name a lot.
CREATE INDEX ledger_lots ON ledger (product_id, location_id) WHERE lot IS NOT NULL;
-- Serves ingest/refold and catalog/stock_as_of: the movements of a pair.
CREATE INDEX ledger_pair ON ledger (product_id, location_id, occurred_at);
-- Serves ingest/refold_lots and purchasing/desk/transfers: what transfers brought to a pair.
CREATE INDEX ledger_references ON ledger (product_id, location_id, reference) WHERE reference IS NOT NULL AND committed_milli IS NOT NULL;
-- Serves etl/movements and etl/numbers: whole committed transactions, which lie together.
CREATE INDEX ledger_xid ON ledger USING brin ((xid::text::bigint), recorded_at) WITH (pages_per_range='32', autosummarize='on');
CREATE TRIGGER ledger_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_rows_stay BEFORE DELETE OR UPDATE ON ledger FOR EACH ROW EXECUTE FUNCTION refuse_change();
GRANT SELECT ON ledger TO stocktide_reader;

-- Goods that came at their own cost, or at that of the place that they came from: what the average cost is made of.
CREATE VIEW ledger_costed AS
 SELECT product_id,
    location_id,
    block_of(entry_id) AS block,
    quantity_milli,
    cost_micros,
        CASE
            WHEN leg = 1 THEN ( SELECT i.location_id
               FROM event_identities i
              WHERE i.source_id = l.source_id AND i.event_id = l.event_id)
            ELSE NULL::integer
        END AS from_location_id,
    currency,
    occurred_at,
    entry_id
   FROM ledger_in_force l
  WHERE quantity_milli > 0 AND (cost_micros IS NOT NULL OR leg = 1);

-- Numbers of ledger entries, taken in blocks.
CREATE SEQUENCE ledger_entries INCREMENT BY 65536;

-- The ledger without what was corrected and without the corrections. A correction stands at the time of the row that it
-- reverses, so ledger_pair finds it.
CREATE VIEW ledger_in_force AS
 SELECT entry_id,
    source_id,
    event_id,
    leg,
    kind,
    product_id,
    location_id,
    to_location_id,
    quantity_milli,
    observed_milli,
    price_micros,
    currency,
    promotion,
    order_id,
    order_line,
    customer_id,
    channel,
    reason,
    counterparty,
    occurred_at,
    committed_milli,
    reference,
    cost_micros,
    lot,
    expires_on,
    expected_on,
    corrects,
    attributes,
    recorded_at,
    xid,
    line_total_micros
   FROM ledger l
  WHERE corrects IS NULL AND NOT (EXISTS ( SELECT
           FROM ledger c
          WHERE c.product_id = l.product_id AND c.location_id = l.location_id AND c.occurred_at = l.occurred_at AND c.leg = l.leg AND c.corrects = (l.entry_id - l.leg)));
GRANT SELECT ON ledger_in_force TO stocktide_reader;

-- Lines of the order desk with the lists that each is in, and what has come of it: open are those that are proposed or
-- wait; ordered those that have not come in full, late those of them whose day is over where they go, by the ledger, as
-- alerts judge it; received have come in full. What a location of ours sends is in transit under its order and line.
CREATE VIEW listed_lines AS
 SELECT o.line_id,
    o.supplier,
    o.product,
    o.location,
    o.state,
    o.order_run_id,
    o.proposed_milli,
    o.explanation,
    o.at_risk_micros,
    o.on_order_milli,
    o.buyer_milli,
    o.snoozed_until,
    o.approved_by,
    o.price_micros,
    o.currency,
    o.order_id,
    o.order_line,
    o.ordered_milli,
    o.ordered_xid,
    o.version,
    o.made_at,
    o.changed_at,
    o.source,
    o.expected_on,
    o.pack_milli,
    o.supplier_sku,
    o.unit,
    o.product_name,
    o.location_name,
    p.product_id,
    l.location_id,
        CASE
            WHEN o.order_id IS NOT NULL THEN COALESCE(c.closed_milli, 0::bigint)
            ELSE NULL::bigint
        END AS received_milli,
        CASE
            WHEN o.state = ANY (ARRAY['proposed'::text, 'waiting'::text]) THEN ARRAY[o.state, 'open'::text]
            WHEN o.state <> 'ordered'::text THEN ARRAY[o.state]
            WHEN c.closed_milli >= o.ordered_milli THEN ARRAY['received'::text]
            WHEN c.opened_milli > c.closed_milli AND c.expected_on <= (now() AT TIME ZONE 'UTC'::text)::date AND c.expected_on < local_date(now(), l.timezone) THEN ARRAY[o.state, 'late'::text]
            ELSE ARRAY[o.state]
        END AS lists
   FROM order_lines o
     JOIN products p ON p.sku = o.product
     JOIN locations l ON l.code = o.location
     LEFT JOIN commitments c ON c.purpose =
        CASE
            WHEN o.source IS NULL THEN 'on_order'::text
            ELSE 'in_transit'::text
        END AND c.reference =
        CASE
            WHEN o.source IS NULL THEN o.order_id
            ELSE (o.order_id || '-'::text) || o.order_line
        END AND c.product_id = p.product_id AND c.location_id = l.location_id;
GRANT SELECT ON listed_lines TO stocktide_reader;

-- Sum of daily_demand by location and day: what the overview's charts read.
CREATE TABLE location_daily (
    location_id    integer NOT NULL,
    day            date NOT NULL,
    sold_milli     bigint NOT NULL,
    returned_milli bigint NOT NULL,
    revenue_micros bigint NOT NULL,
    orders         integer NOT NULL,
    -- pairs whose row of the day is censored; active: pairs with a row
    out_of_stock   integer NOT NULL,
    active         integer NOT NULL,
    -- of sold and returned, as the products name it
    unit           text NOT NULL DEFAULT 'each'::text,
    -- of revenue; empty: nobody named one
    currency       text NOT NULL DEFAULT ''::text,
    CONSTRAINT location_daily_pkey PRIMARY KEY (location_id, day, unit, currency)
);
GRANT SELECT ON location_daily TO stocktide_reader;

-- Shops, warehouses and other places that hold stock.
CREATE TABLE locations (
    location_id integer NOT NULL GENERATED ALWAYS AS IDENTITY,
    code        text COLLATE "C" NOT NULL,
    name        text,
    region      text,
    country     text,
    timezone    text NOT NULL DEFAULT 'UTC'::text,
    attributes  jsonb NOT NULL DEFAULT '{}'::jsonb,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT locations_pkey PRIMARY KEY (location_id),
    CONSTRAINT locations_code_key UNIQUE (code),
    CONSTRAINT locations_code_check CHECK (length(code) >= 1 AND length(code) <= 100)
);
-- Serves ingest/epcis/locations: places by their GLN.
CREATE INDEX locations_gln ON locations (epcis_place_key(attributes ->> 'gln'::text));
-- Serves ingest/epcis/locations: places by their code.
CREATE INDEX locations_place ON locations (epcis_place_key(code));
-- Serves ingest/epcis/locations: places by their SGLN.
CREATE INDEX locations_sgln ON locations (epcis_place_key(attributes ->> 'sgln'::text));
CREATE TRIGGER locations_stay BEFORE DELETE OR TRUNCATE ON locations FOR EACH STATEMENT EXECUTE FUNCTION refuse_deletion();
GRANT SELECT ON locations TO stocktide_reader;

-- The sums that lots must equal, from the ledger; `stocktide check` compares them.
CREATE VIEW lot_fold AS
 SELECT product_id,
    location_id,
    lot,
    sum(milli)::bigint AS on_hand_milli,
    (array_agg(expires_on ORDER BY entry_id DESC) FILTER (WHERE expires_on IS NOT NULL))[1] AS expires_on
   FROM ( SELECT l.product_id,
            l.location_id,
            l.lot,
            l.quantity_milli AS milli,
            f.expires_on,
            f.entry_id
           FROM ledger l
             LEFT JOIN ( SELECT ledger_in_force.product_id,
                    ledger_in_force.location_id,
                    ledger_in_force.entry_id,
                    ledger_in_force.expires_on
                   FROM ledger_in_force
                  WHERE told_day(ledger_in_force.expires_on) IS NOT NULL AND ledger_in_force.lot IS NOT NULL) f USING (product_id, location_id, entry_id)
          WHERE l.lot IS NOT NULL AND (l.quantity_milli <> 0 OR l.committed_milli IS NOT NULL)
        UNION ALL
         SELECT t.product_id,
            t.location_id,
            t.lot,
            t.milli,
            NULL::date AS date,
            NULL::bigint AS int8
           FROM transfer_lots t) m
  GROUP BY product_id, location_id, lot;

-- Stock by lot, as far as events name lots.
CREATE TABLE lots (
    product_id    integer NOT NULL,
    location_id   integer NOT NULL,
    lot           text COLLATE "C" NOT NULL,
    on_hand_milli bigint NOT NULL DEFAULT 0,
    expires_on    date,
    CONSTRAINT lots_pkey PRIMARY KEY (product_id, location_id, lot)
);
GRANT SELECT ON lots TO stocktide_reader;

-- Stock by lot as it can be at most: what sales that name no lot took was the first to expire.
CREATE VIEW lots_left AS
 SELECT o.product_id,
    o.location_id,
    o.lot,
    o.expires_on,
    LEAST(o.on_hand_milli::numeric, GREATEST(o.until_milli - GREATEST(o.of_lots_milli - GREATEST(s.on_hand_milli, 0::bigint)::numeric, 0::numeric), 0::numeric))::bigint AS left_milli
   FROM ( SELECT lots.product_id,
            lots.location_id,
            lots.lot,
            lots.on_hand_milli,
            lots.expires_on,
            sum(lots.on_hand_milli) OVER (PARTITION BY lots.product_id, lots.location_id ORDER BY lots.expires_on, lots.lot) AS until_milli,
            sum(lots.on_hand_milli) OVER (PARTITION BY lots.product_id, lots.location_id) AS of_lots_milli
           FROM lots
          WHERE lots.on_hand_milli > 0) o
     JOIN stock s USING (product_id, location_id);
GRANT SELECT ON lots_left TO stocktide_reader;

-- When a message without a time of its own was first seen: delivered again, it is the same event.
CREATE TABLE mqtt_first_seen (
    key     text COLLATE "C" NOT NULL,
    seen_at timestamptz NOT NULL,
    again   boolean NOT NULL,
    CONSTRAINT mqtt_first_seen_pkey PRIMARY KEY (key)
);
-- Serves the deletion of what no broker's session can deliver again (ingest.mqtt).
CREATE INDEX mqtt_first_seen_at ON mqtt_first_seen (seen_at);

-- Sessions that nobody ended, of users that are not disabled, with the role that the user has now, and whether they may
-- see who customers are; some may have expired.
CREATE VIEW open_sessions AS
 SELECT s.session_hash,
    u.username,
    u.role,
    s.created_at,
    s.expires_at,
    COALESCE(( SELECT p.given
           FROM personal_rights p
          WHERE p.user_id = u.user_id
          ORDER BY p.change_id DESC
         LIMIT 1), false) AS personal
   FROM sessions s
     JOIN users u USING (user_id)
  WHERE s.ended_at IS NULL AND u.disabled_at IS NULL;
GRANT SELECT ON open_sessions TO stocktide_reader;

-- All that people and runs did to lines of the order desk, with what stood there before and after.
CREATE TABLE order_actions (
    action_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    line_id   bigint NOT NULL,
    action    text NOT NULL,
    by        text NOT NULL,
    at        timestamptz NOT NULL DEFAULT now(),
    reason    text,
    -- the id that the sender gave: the same request is done once
    request   text COLLATE "C",
    before    jsonb,
    after     jsonb NOT NULL,
    CONSTRAINT order_actions_pkey PRIMARY KEY (action_id),
    CONSTRAINT order_actions_line_id_fkey FOREIGN KEY (line_id) REFERENCES order_lines(line_id)
);
-- Serves purchasing/desk/history: what happened to a line.
CREATE INDEX order_actions_line ON order_actions (line_id, action_id);
-- A request is done once. Serves purchasing/desk/done_before.
CREATE UNIQUE INDEX order_actions_request ON order_actions (request, line_id) WHERE request IS NOT NULL;
CREATE TRIGGER order_actions_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON order_actions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT ON order_actions TO stocktide_reader;

-- Lines of the order desk. What a run proposes and what a buyer decides stand apart: a run changes the first alone.
CREATE TABLE order_lines (
    line_id        bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    supplier       text COLLATE "C" NOT NULL,
    product        text COLLATE "C" NOT NULL,
    location       text COLLATE "C" NOT NULL,
    -- proposed; snoozed until a day; waiting for a second approver; ordered; rejected; withdrawn by a run that no
    -- longer needs it; cancelled after it was ordered
    state          text NOT NULL DEFAULT 'proposed'::text,
    -- the run that proposed last
    order_run_id   bigint,
    proposed_milli bigint NOT NULL,
    -- data that recompute the proposed quantity
    explanation    jsonb NOT NULL DEFAULT '{}'::jsonb,
    -- sales that are expected to be lost without the order
    at_risk_micros bigint,
    -- on order and in transit when it was proposed; more of it when it is approved says that somebody else has ordered
    on_order_milli bigint NOT NULL DEFAULT 0,
    -- the quantity that a buyer set; null: as proposed
    buyer_milli    bigint,
    snoozed_until  date,
    approved_by    text,
    -- of one unit, when it was proposed
    price_micros   bigint,
    currency       text,
    order_id       text COLLATE "C",
    order_line     integer,
    ordered_milli  bigint,
    -- the transaction that ordered it
    ordered_xid    xid8,
    -- counts changes; who decides says which one was seen
    version        integer NOT NULL DEFAULT 1,
    made_at        timestamptz NOT NULL DEFAULT now(),
    changed_at     timestamptz NOT NULL DEFAULT now(),
    -- the location of ours that the goods come from; null: they are bought
    source         text COLLATE "C",
    -- the day of its event in the ledger, where the orders of cancelled lines are open no more
    expected_on    date,
    -- this and the next are kept when it is ordered, as its supplier got them; units in a pack
    pack_milli     bigint,
    -- the supplier's own code
    supplier_sku   text,
    unit           text,
    product_name   text,
    location_name  text,
    CONSTRAINT order_lines_pkey PRIMARY KEY (line_id),
    CONSTRAINT order_lines_location_fkey FOREIGN KEY (location) REFERENCES locations(code),
    CONSTRAINT order_lines_order_id_fkey FOREIGN KEY (order_id) REFERENCES purchase_orders(order_id),
    CONSTRAINT order_lines_order_run_id_fkey FOREIGN KEY (order_run_id) REFERENCES order_runs(order_run_id),
    CONSTRAINT order_lines_product_fkey FOREIGN KEY (product) REFERENCES products(sku),
    CONSTRAINT order_lines_source_fkey FOREIGN KEY (source) REFERENCES locations(code),
    CONSTRAINT order_lines_buyer_milli_check CHECK (buyer_milli >= 0),
    CONSTRAINT order_lines_check CHECK ((state = ANY (ARRAY['ordered'::text, 'cancelled'::text])) = (order_id IS NOT NULL)),
    CONSTRAINT order_lines_check1 CHECK ((order_id IS NULL) = (ordered_milli IS NULL)),
    CONSTRAINT order_lines_check2 CHECK ((state = 'snoozed'::text) = (snoozed_until IS NOT NULL)),
    CONSTRAINT order_lines_check3 CHECK ((state = 'waiting'::text) <= (approved_by IS NOT NULL)),
    CONSTRAINT order_lines_ordered_milli_check CHECK (ordered_milli > 0),
    CONSTRAINT order_lines_pack_milli_check CHECK (pack_milli > 0),
    CONSTRAINT order_lines_price_micros_check CHECK (price_micros >= 0),
    CONSTRAINT order_lines_proposed_milli_check CHECK (proposed_milli >= 0),
    CONSTRAINT order_lines_state_check CHECK (state = ANY (ARRAY['proposed'::text, 'snoozed'::text, 'waiting'::text, 'ordered'::text, 'rejected'::text, 'withdrawn'::text, 'cancelled'::text]))
);
-- A need has one open line. Serves purchasing/desk/propose.
CREATE UNIQUE INDEX order_lines_open ON order_lines (product, location) WHERE state = ANY (ARRAY['proposed'::text, 'snoozed'::text, 'waiting'::text]);
-- Serves purchasing/desk/order: the lines of an order.
CREATE INDEX order_lines_order ON order_lines (order_id) WHERE order_id IS NOT NULL;
-- Serves purchasing/desk/ordered_meanwhile: what was ordered since a run looked.
CREATE INDEX order_lines_ordered ON order_lines (product, location, ordered_xid) WHERE order_id IS NOT NULL;
CREATE TRIGGER order_lines_stay BEFORE DELETE OR UPDATE ON order_lines FOR EACH ROW EXECUTE FUNCTION keep_what_was_ordered();
GRANT SELECT ON order_lines TO stocktide_reader;

-- Requests to the desk that came with an id: each is done once, and another under its id is refused.
CREATE TABLE order_requests (
    request text COLLATE "C" NOT NULL,
    -- by line, what was to be done to it, and by whom
    asked   jsonb NOT NULL,
    at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT order_requests_pkey PRIMARY KEY (request)
);
CREATE TRIGGER order_requests_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON order_requests FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT ON order_requests TO stocktide_reader;

-- Runs that proposed what to order.
CREATE TABLE order_runs (
    order_run_id    bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    forecast_run_id bigint,
    -- when stock and what is on order were read
    as_of           timestamptz NOT NULL,
    -- what the run saw: what was ordered outside of it is no need of the run any more
    snapshot        pg_snapshot NOT NULL,
    made_by         text NOT NULL,
    made_at         timestamptz NOT NULL DEFAULT now(),
    proposals       integer NOT NULL,
    -- settings, and what was left out and why
    detail          jsonb NOT NULL DEFAULT '{}'::jsonb,
    CONSTRAINT order_runs_pkey PRIMARY KEY (order_run_id)
);
GRANT SELECT ON order_runs TO stocktide_reader;

-- What each override changed, by period: of the first forecast that it met, before the period was over. What came of it
-- is judged by these.
CREATE TABLE override_days (
    override_id     bigint NOT NULL,
    -- the last day of the period
    ds              date NOT NULL,
    -- the forecast; its days may be gone
    forecast_run_id bigint NOT NULL,
    -- units of all that the override is for, as the overrides before it left them
    before          double precision NOT NULL,
    -- units with the override
    after           double precision NOT NULL,
    CONSTRAINT override_days_pkey PRIMARY KEY (override_id, ds),
    CONSTRAINT override_days_override_id_fkey FOREIGN KEY (override_id) REFERENCES forecast_overrides(override_id)
);
CREATE TRIGGER override_days_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON override_days FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT ON override_days TO stocktide_reader;

-- People that sign in, without anything to sign in with: role, whether they may see who customers are, whether they are
-- disabled, and their last sign-in of those that are kept.
CREATE VIEW people AS
 SELECT username,
    role,
    created_at,
    disabled_at,
    COALESCE(( SELECT p.given
           FROM personal_rights p
          WHERE p.user_id = u.user_id
          ORDER BY p.change_id DESC
         LIMIT 1), false) AS personal,
    ( SELECT max(s.created_at) AS max
           FROM sessions s
          WHERE s.user_id = u.user_id) AS signed_in_at
   FROM users u;
GRANT SELECT ON people TO stocktide_reader;

-- Who was given the right to see who customers are, or lost it, by whom and why: the newest row of a user rules, and
-- without a row nobody may. Append-only.
CREATE TABLE personal_rights (
    change_id  bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    user_id    integer NOT NULL,
    -- true: may from now on; false: may not any more
    given      boolean NOT NULL,
    -- system user of the command line that changed it
    changed_by text NOT NULL,
    reason     text NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT personal_rights_pkey PRIMARY KEY (change_id),
    CONSTRAINT personal_rights_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id)
);
-- Serves open_sessions: the newest change of a user.
CREATE INDEX personal_rights_user ON personal_rights (user_id, change_id DESC);
CREATE TRIGGER personal_rights_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON personal_rights FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Days on which locations are closed. Never overwritten, as calendar_events.
CREATE TABLE planned_closures (
    calendar_id  bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    plan         text COLLATE "C" NOT NULL,
    content_hash text NOT NULL,
    starts_on    date NOT NULL,
    ends_on      date NOT NULL,
    -- false: open after all, although another row says closed
    is_closed    boolean NOT NULL DEFAULT true,
    location_id  integer,
    region       text,
    country      text,
    known_since  timestamptz NOT NULL DEFAULT now(),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    recorded_by  text NOT NULL,
    withdrawn_at timestamptz,
    withdrawn_by text,
    CONSTRAINT planned_closures_pkey PRIMARY KEY (calendar_id),
    CONSTRAINT planned_closures_location_id_fkey FOREIGN KEY (location_id) REFERENCES locations(location_id),
    CONSTRAINT planned_closures_check CHECK (ends_on >= starts_on),
    CONSTRAINT planned_closures_check1 CHECK (withdrawn_at >= known_since),
    CONSTRAINT planned_closures_check2 CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CONSTRAINT planned_closures_plan_check CHECK (length(plan) >= 1 AND length(plan) <= 100)
);
-- One row per plan is in force. Serves the ON CONFLICT of ingest/versions/put.
CREATE UNIQUE INDEX planned_closures_in_force ON planned_closures (plan) WHERE withdrawn_at IS NULL;
CREATE TRIGGER planned_closures_stay BEFORE DELETE OR UPDATE ON planned_closures FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
GRANT SELECT ON planned_closures TO stocktide_reader;

-- Prices known ahead. Never overwritten, as calendar_events.
CREATE TABLE planned_prices (
    calendar_id  bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    plan         text COLLATE "C" NOT NULL,
    content_hash text NOT NULL,
    starts_on    date NOT NULL,
    -- last day of the price; null: until another one is planned
    ends_on      date,
    price_micros bigint NOT NULL,
    product_id   integer,
    department   text,
    category     text,
    location_id  integer,
    region       text,
    country      text,
    known_since  timestamptz NOT NULL DEFAULT now(),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    recorded_by  text NOT NULL,
    withdrawn_at timestamptz,
    withdrawn_by text,
    CONSTRAINT planned_prices_pkey PRIMARY KEY (calendar_id),
    CONSTRAINT planned_prices_location_id_fkey FOREIGN KEY (location_id) REFERENCES locations(location_id),
    CONSTRAINT planned_prices_product_id_fkey FOREIGN KEY (product_id) REFERENCES products(product_id),
    CONSTRAINT planned_prices_check CHECK (ends_on >= starts_on),
    CONSTRAINT planned_prices_check1 CHECK (withdrawn_at >= known_since),
    CONSTRAINT planned_prices_check2 CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CONSTRAINT planned_prices_plan_check CHECK (length(plan) >= 1 AND length(plan) <= 100),
    CONSTRAINT planned_prices_price_micros_check CHECK (price_micros > 0)
);
-- One row per plan is in force. Serves the ON CONFLICT of ingest/versions/put.
CREATE UNIQUE INDEX planned_prices_in_force ON planned_prices (plan) WHERE withdrawn_at IS NULL;
CREATE TRIGGER planned_prices_stay BEFORE DELETE OR UPDATE ON planned_prices FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
GRANT SELECT ON planned_prices TO stocktide_reader;

-- Promotions known ahead. Never overwritten, as calendar_events.
CREATE TABLE planned_promotions (
    calendar_id  bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    plan         text COLLATE "C" NOT NULL,
    content_hash text NOT NULL,
    kind         text NOT NULL DEFAULT 'promotion'::text,
    starts_on    date NOT NULL,
    ends_on      date NOT NULL,
    price_micros bigint,
    -- share of the price of that day that is taken off
    discount     double precision,
    product_id   integer,
    department   text,
    category     text,
    location_id  integer,
    region       text,
    country      text,
    known_since  timestamptz NOT NULL DEFAULT now(),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    recorded_by  text NOT NULL,
    withdrawn_at timestamptz,
    withdrawn_by text,
    CONSTRAINT planned_promotions_pkey PRIMARY KEY (calendar_id),
    CONSTRAINT planned_promotions_location_id_fkey FOREIGN KEY (location_id) REFERENCES locations(location_id),
    CONSTRAINT planned_promotions_product_id_fkey FOREIGN KEY (product_id) REFERENCES products(product_id),
    CONSTRAINT planned_promotions_check CHECK (ends_on >= starts_on),
    CONSTRAINT planned_promotions_check1 CHECK (withdrawn_at >= known_since),
    CONSTRAINT planned_promotions_check2 CHECK (price_micros IS NULL OR discount IS NULL),
    CONSTRAINT planned_promotions_check3 CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CONSTRAINT planned_promotions_discount_check CHECK (discount > 0::double precision AND discount < 1::double precision),
    CONSTRAINT planned_promotions_plan_check CHECK (length(plan) >= 1 AND length(plan) <= 100),
    CONSTRAINT planned_promotions_price_micros_check CHECK (price_micros > 0)
);
-- One row per plan is in force. Serves the ON CONFLICT of ingest/versions/put.
CREATE UNIQUE INDEX planned_promotions_in_force ON planned_promotions (plan) WHERE withdrawn_at IS NULL;
CREATE TRIGGER planned_promotions_stay BEFORE DELETE OR UPDATE ON planned_promotions FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
GRANT SELECT ON planned_promotions TO stocktide_reader;

-- Any other planned number that a forecast may use. Never overwritten, as calendar_events.
CREATE TABLE planned_regressors (
    calendar_id  bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    plan         text COLLATE "C" NOT NULL,
    content_hash text NOT NULL,
    name         text NOT NULL,
    starts_on    date NOT NULL,
    ends_on      date NOT NULL,
    value        double precision NOT NULL,
    product_id   integer,
    department   text,
    category     text,
    location_id  integer,
    region       text,
    country      text,
    known_since  timestamptz NOT NULL DEFAULT now(),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    recorded_by  text NOT NULL,
    withdrawn_at timestamptz,
    withdrawn_by text,
    CONSTRAINT planned_regressors_pkey PRIMARY KEY (calendar_id),
    CONSTRAINT planned_regressors_location_id_fkey FOREIGN KEY (location_id) REFERENCES locations(location_id),
    CONSTRAINT planned_regressors_product_id_fkey FOREIGN KEY (product_id) REFERENCES products(product_id),
    CONSTRAINT planned_regressors_check CHECK (ends_on >= starts_on),
    CONSTRAINT planned_regressors_check1 CHECK (withdrawn_at >= known_since),
    CONSTRAINT planned_regressors_check2 CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CONSTRAINT planned_regressors_plan_check CHECK (length(plan) >= 1 AND length(plan) <= 100)
);
-- One row per plan is in force. Serves the ON CONFLICT of ingest/versions/put.
CREATE UNIQUE INDEX planned_regressors_in_force ON planned_regressors (plan) WHERE withdrawn_at IS NULL;
CREATE TRIGGER planned_regressors_stay BEFORE DELETE OR UPDATE ON planned_regressors FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
GRANT SELECT ON planned_regressors TO stocktide_reader;

-- The price of every unit of an order of at least so many. Never overwritten, as calendar_events.
CREATE TABLE price_breaks (
    term_id             bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- follows from what the row is about
    term                text COLLATE "C" NOT NULL,
    content_hash        text NOT NULL,
    supplier            text COLLATE "C" NOT NULL,
    product             text COLLATE "C" NOT NULL,
    from_quantity_milli bigint NOT NULL,
    -- of one unit
    price_micros        bigint NOT NULL,
    known_since         timestamptz NOT NULL DEFAULT now(),
    recorded_at         timestamptz NOT NULL DEFAULT now(),
    recorded_by         text NOT NULL,
    withdrawn_at        timestamptz,
    withdrawn_by        text,
    CONSTRAINT price_breaks_pkey PRIMARY KEY (term_id),
    CONSTRAINT price_breaks_product_fkey FOREIGN KEY (product) REFERENCES products(sku),
    CONSTRAINT price_breaks_check CHECK (withdrawn_at >= known_since),
    CONSTRAINT price_breaks_check1 CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CONSTRAINT price_breaks_from_quantity_milli_check CHECK (from_quantity_milli > 0),
    CONSTRAINT price_breaks_price_micros_check CHECK (price_micros >= 0)
);
-- One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.
CREATE UNIQUE INDEX price_breaks_in_force ON price_breaks (term) WHERE withdrawn_at IS NULL;
CREATE TRIGGER price_breaks_stay BEFORE DELETE OR UPDATE ON price_breaks FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
GRANT SELECT ON price_breaks TO stocktide_reader;

-- What is sold. A surrogate key keeps the ledger narrow.
CREATE TABLE products (
    product_id   integer NOT NULL GENERATED ALWAYS AS IDENTITY,
    sku          text COLLATE "C" NOT NULL,
    name         text,
    department   text,
    category     text,
    unit         text NOT NULL DEFAULT 'each'::text,
    price_micros bigint,
    currency     text,
    attributes   jsonb NOT NULL DEFAULT '{}'::jsonb,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    -- units of the product in one pack, by the pack's name: {"case": 12}
    packs        jsonb NOT NULL DEFAULT '{}'::jsonb,
    CONSTRAINT products_pkey PRIMARY KEY (product_id),
    CONSTRAINT products_sku_key UNIQUE (sku),
    CONSTRAINT products_currency_check CHECK (currency ~ '^[A-Z]{3}$'::text),
    CONSTRAINT products_packs_check CHECK (jsonb_typeof(packs) = 'object'::text),
    CONSTRAINT products_price_micros_check CHECK (price_micros >= 0),
    CONSTRAINT products_sku_check CHECK (length(sku) >= 1 AND length(sku) <= 100)
);
-- Serves ingest/epcis/products: the product of a GTIN, however many digits it has.
CREATE INDEX products_gtin ON products (lpad(attributes ->> 'gtin'::text, 14, '0'::text));
CREATE TRIGGER products_stay BEFORE DELETE OR TRUNCATE ON products FOR EACH STATEMENT EXECUTE FUNCTION refuse_deletion();
GRANT SELECT ON products TO stocktide_reader;

-- The one run that readers see.
CREATE TABLE published_forecast (
    only_row        boolean NOT NULL DEFAULT true,
    forecast_run_id bigint NOT NULL,
    published_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT published_forecast_pkey PRIMARY KEY (only_row),
    CONSTRAINT published_forecast_forecast_run_id_fkey FOREIGN KEY (forecast_run_id) REFERENCES forecast_runs(forecast_run_id),
    CONSTRAINT published_forecast_only_row_check CHECK (only_row)
);
GRANT SELECT ON published_forecast TO stocktide_reader;

-- Numbers of purchase orders that the desk makes.
CREATE SEQUENCE purchase_order_numbers;

-- What was ordered from suppliers at the desk; its lines are order_lines.
CREATE TABLE purchase_orders (
    order_id        text COLLATE "C" NOT NULL,
    supplier        text COLLATE "C" NOT NULL,
    currency        text,
    ordered_by      text NOT NULL,
    -- who approved beside the one who ordered, where the amount asked for it
    second_approver text,
    ordered_at      timestamptz NOT NULL DEFAULT now(),
    -- when lines are expected that say no day of their own, as it was ordered
    expected_on     date,
    -- the location of ours that it is a transfer from, and no purchase; null: bought
    source          text COLLATE "C",
    -- name and address to which it was sent
    supplier_name   text,
    email           text,
    CONSTRAINT purchase_orders_pkey PRIMARY KEY (order_id),
    CONSTRAINT purchase_orders_source_fkey FOREIGN KEY (source) REFERENCES locations(code)
);
GRANT SELECT ON purchase_orders TO stocktide_reader;

-- What each rule of quality found in the lake, check by check.
CREATE TABLE quality_checks (
    rule       text COLLATE "C" NOT NULL,
    checked_at timestamptz NOT NULL DEFAULT now(),
    -- what fails, in words, as the rule was then
    what       text NOT NULL,
    severity   text NOT NULL,
    -- rows of the days that were looked at
    rows       bigint NOT NULL,
    -- rows that fail
    failed     bigint NOT NULL,
    since      date NOT NULL,
    -- some of the rows that fail, the newest first
    sample     jsonb NOT NULL,
    CONSTRAINT quality_checks_pkey PRIMARY KEY (rule, checked_at),
    CONSTRAINT quality_checks_failed_check CHECK (failed >= 0),
    CONSTRAINT quality_checks_rows_check CHECK (rows >= 0),
    CONSTRAINT quality_checks_severity_check CHECK (severity = ANY (ARRAY['error'::text, 'warning'::text, 'notice'::text]))
);
GRANT SELECT ON quality_checks TO stocktide_reader;

-- Exports of saved queries: when each ran, which file it wrote, or why it did not.
CREATE TABLE query_exports (
    -- in the order of their beginning
    export_id   bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- query that was exported
    query_id    bigint NOT NULL,
    -- when it began
    started_at  timestamptz NOT NULL DEFAULT now(),
    -- null: it runs, or its process was killed
    finished_at timestamptz,
    -- name in the query's folder under HOME/exports; null: none was written, or it made room for newer ones
    file        text,
    -- rows of the file: all of the result
    rows        bigint,
    -- size of the file
    bytes       bigint,
    -- why no file was written
    error       text,
    CONSTRAINT query_exports_pkey PRIMARY KEY (export_id),
    CONSTRAINT query_exports_query_id_fkey FOREIGN KEY (query_id) REFERENCES saved_queries(query_id) ON DELETE CASCADE,
    CONSTRAINT query_exports_bytes_check CHECK (bytes >= 0),
    CONSTRAINT query_exports_rows_check CHECK (rows >= 0)
);
-- Serves query/saved/exports, and the deletion of a query.
CREATE INDEX query_exports_of ON query_exports (query_id, export_id DESC);

-- Statements that a panel of a page hands to the page SQL; the address holds their id alone.
CREATE TABLE query_handovers (
    -- hash of title and statement: the same panel has the same address
    handover_id text NOT NULL,
    -- panel that it is of
    title       text NOT NULL,
    -- with the values of the page's filters in it
    statement   text NOT NULL,
    -- when it was handed over last
    made_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT query_handovers_pkey PRIMARY KEY (handover_id)
);

-- How much a location can put away on a day. Never overwritten, as calendar_events.
CREATE TABLE receiving_limits (
    term_id           bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- follows from what the row is about
    term              text COLLATE "C" NOT NULL,
    content_hash      text NOT NULL,
    location          text COLLATE "C" NOT NULL,
    -- of all goods together
    units_a_day_milli bigint NOT NULL,
    known_since       timestamptz NOT NULL DEFAULT now(),
    recorded_at       timestamptz NOT NULL DEFAULT now(),
    recorded_by       text NOT NULL,
    withdrawn_at      timestamptz,
    withdrawn_by      text,
    CONSTRAINT receiving_limits_pkey PRIMARY KEY (term_id),
    CONSTRAINT receiving_limits_location_fkey FOREIGN KEY (location) REFERENCES locations(code),
    CONSTRAINT receiving_limits_check CHECK (withdrawn_at >= known_since),
    CONSTRAINT receiving_limits_check1 CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CONSTRAINT receiving_limits_units_a_day_milli_check CHECK (units_a_day_milli > 0)
);
-- One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.
CREATE UNIQUE INDEX receiving_limits_in_force ON receiving_limits (term) WHERE withdrawn_at IS NULL;
CREATE TRIGGER receiving_limits_stay BEFORE DELETE OR UPDATE ON receiving_limits FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
GRANT SELECT ON receiving_limits TO stocktide_reader;

-- Who did what with a reject, in order. Append-only.
CREATE TABLE reject_actions (
    action_id     bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    reject_id     bigint NOT NULL,
    action        text NOT NULL,
    by            text NOT NULL,
    reason        text NOT NULL,
    at            timestamptz NOT NULL DEFAULT now(),
    -- what was replayed, where it is not what came
    sent          bytea,
    outcome       text,
    fault_reason  text,
    fault_message text,
    CONSTRAINT reject_actions_pkey PRIMARY KEY (action_id),
    CONSTRAINT reject_actions_reject_id_fkey FOREIGN KEY (reject_id) REFERENCES rejects(reject_id) ON DELETE CASCADE,
    CONSTRAINT reject_actions_action_check CHECK (action = ANY (ARRAY['replay'::text, 'mend'::text, 'drop'::text, 'reopen'::text]))
);
-- Serves the history of one reject (ingest.rejects).
CREATE INDEX reject_actions_reject ON reject_actions (reject_id, action_id);
CREATE TRIGGER reject_actions_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON reject_actions FOR EACH STATEMENT EXECUTE FUNCTION refuse_reject_history_change();
GRANT SELECT (action_id, reject_id, action, by, reason, at, outcome, fault_reason, fault_message) ON reject_actions TO
    stocktide_reader;

-- Input that could not be recorded, unchanged. The same bytes with the same reason are one row, counted.
CREATE TABLE rejects (
    reject_id         bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    feed              text NOT NULL,
    reason            text NOT NULL,
    field             text,
    message           text NOT NULL,
    source            text,
    event_id          text,
    content_type      text NOT NULL,
    raw               bytea NOT NULL,
    raw_hash          bytea NOT NULL,
    times_seen        integer NOT NULL DEFAULT 1,
    first_seen_at     timestamptz NOT NULL DEFAULT now(),
    last_seen_at      timestamptz NOT NULL DEFAULT now(),
    state             text NOT NULL DEFAULT 'open'::text,
    -- what was replayed last, where it is not raw: the next replay starts from it
    mended            bytea,
    -- why the last replay failed; NULL: none did
    retried_reason    text,
    retried_field     text,
    retried_message   text,
    replayed_at       timestamptz,
    -- who replayed or dropped it last
    settled_by        text,
    -- of the last replay; replayed_source and replayed_event_id name its event
    outcome           text,
    replayed_source   text,
    replayed_event_id text,
    CONSTRAINT rejects_pkey PRIMARY KEY (reject_id),
    CONSTRAINT rejects_raw_hash_reason_feed_key UNIQUE (raw_hash, reason, feed),
    CONSTRAINT rejects_outcome_check CHECK (outcome = ANY (ARRAY['accepted'::text, 'duplicate'::text, 'conflict'::text, 'rejected'::text])),
    CONSTRAINT rejects_state_check CHECK (state = ANY (ARRAY['open'::text, 'replayed'::text, 'dropped'::text]))
);
-- Serves ingest/reject_event_kept: what was refused under an event's id.
CREATE INDEX rejects_event ON rejects (event_id) WHERE event_id IS NOT NULL;
-- Serves ingest/reject_list, ingest/reject_groups and ingest/reject_take.
CREATE INDEX rejects_open ON rejects (reject_id) WHERE state = 'open'::text;
-- Serves ingest/reject_event_kept: what an event was mended from.
CREATE INDEX rejects_replayed ON rejects (replayed_event_id) WHERE replayed_event_id IS NOT NULL;
GRANT SELECT (reject_id, feed, reason, field, message, source, event_id, content_type, times_seen, first_seen_at,
    last_seen_at, state, replayed_at, settled_by, outcome, replayed_source, replayed_event_id) ON rejects TO
    stocktide_reader;

-- Rejects without their payload, which may hold personal data; reason, field and message are those of the last try.
CREATE VIEW rejects_now AS
 SELECT reject_id,
    feed,
    COALESCE(retried_reason, reason) AS reason,
        CASE
            WHEN retried_reason IS NULL THEN field
            ELSE retried_field
        END AS field,
        CASE
            WHEN retried_reason IS NULL THEN message
            ELSE retried_message
        END AS message,
    source,
    event_id,
    content_type,
    times_seen,
    first_seen_at,
    last_seen_at,
    state,
    outcome,
    replayed_at,
    settled_by,
    replayed_source,
    replayed_event_id,
    mended IS NOT NULL AS is_mended,
        CASE
            WHEN state <> 'open'::text AND last_seen_at > (( SELECT max(a.at) AS max
               FROM reject_actions a
              WHERE a.reject_id = r.reject_id)) THEN last_seen_at
            ELSE NULL::timestamp with time zone
        END AS sent_again_at
   FROM rejects r;
GRANT SELECT ON rejects_now TO stocktide_reader;

-- Reorder points by product and location, set by hand or by an import.
CREATE TABLE reorder_points (
    product_id          integer NOT NULL,
    location_id         integer NOT NULL,
    reorder_point_milli bigint NOT NULL,
    updated_by          text NOT NULL,
    updated_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT reorder_points_pkey PRIMARY KEY (product_id, location_id),
    CONSTRAINT reorder_points_location_id_fkey FOREIGN KEY (location_id) REFERENCES locations(location_id),
    CONSTRAINT reorder_points_product_id_fkey FOREIGN KEY (product_id) REFERENCES products(product_id),
    CONSTRAINT reorder_points_reorder_point_milli_check CHECK (reorder_point_milli >= 0)
);
GRANT SELECT ON reorder_points TO stocktide_reader;

-- Replays of the chain's history through order policies.
CREATE TABLE replays (
    -- counts up: the highest is the newest
    replay_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- user, or the worker
    made_by   text NOT NULL,
    -- when it ended
    made_at   timestamptz NOT NULL DEFAULT now(),
    -- settings, what was assumed and censored, measures of each policy, the lines that missed most
    result    jsonb NOT NULL,
    CONSTRAINT replays_pkey PRIMARY KEY (replay_id)
);
GRANT SELECT ON replays TO stocktide_reader;

-- Every run of a job (etl, forecast, import): how it ended, how long it took, what went wrong.
CREATE TABLE runs (
    run_id      bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    job         text NOT NULL,
    status      text NOT NULL DEFAULT 'running'::text,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    error       text,
    detail      jsonb NOT NULL DEFAULT '{}'::jsonb,
    CONSTRAINT runs_pkey PRIMARY KEY (run_id),
    CONSTRAINT runs_status_check CHECK (status = ANY (ARRAY['running'::text, 'succeeded'::text, 'failed'::text]))
);
-- Serves stocktide/last_runs and stocktide/close_dead_runs.
CREATE INDEX runs_job ON runs (job, run_id DESC);
GRANT SELECT ON runs TO stocktide_reader;

-- Statements that people keep under a name, with parameters, a chart and a schedule of exports.
CREATE TABLE saved_queries (
    -- number in the address of the page SQL
    query_id   bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- user of the dashboard, system user with (command line), or key with the word key before it
    owner      text NOT NULL,
    -- unique among those of its owner
    name       text NOT NULL,
    -- one SELECT of the SQL console
    statement  text NOT NULL,
    -- for each $name in the statement: name, kind, default
    parameters jsonb NOT NULL DEFAULT '[]'::jsonb,
    -- true: everybody who may ask in SQL may run it; only the owner changes it
    shared     boolean NOT NULL DEFAULT false,
    -- mark, x, y, colour; null: as the page draws any result
    chart      jsonb,
    -- cron line in UTC; null: it is not exported by itself
    schedule   text,
    -- of the exports
    form       text,
    -- when the next export is due
    due_at     timestamptz,
    -- when it was saved first
    created_at timestamptz NOT NULL DEFAULT now(),
    -- when it was changed last
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT saved_queries_pkey PRIMARY KEY (query_id),
    CONSTRAINT saved_queries_name UNIQUE (owner, name),
    CONSTRAINT saved_queries_form_check CHECK (form = ANY (ARRAY['csv'::text, 'parquet'::text])),
    CONSTRAINT saved_queries_name_check CHECK (length(name) >= 1 AND length(name) <= 100),
    CONSTRAINT saved_queries_schedule CHECK ((schedule IS NULL) = (form IS NULL) AND (schedule IS NULL) = (due_at IS NULL))
);
-- Serves query/saved/due
CREATE INDEX saved_queries_due ON saved_queries (due_at) WHERE due_at IS NOT NULL;

-- Up to which transaction a copy in Postgres shows its table of the lake; the ETL resumes the copy here.
CREATE TABLE served_tables (
    table_name text NOT NULL,
    xid_before xid8 NOT NULL,
    served_at  timestamptz NOT NULL DEFAULT now(),
    -- of the lake that it is a copy of: when that was last made from the whole ledger
    generation bigint NOT NULL DEFAULT 0,
    -- of the lake's table that it is a copy of
    version    bigint NOT NULL DEFAULT '-1'::integer,
    CONSTRAINT served_tables_pkey PRIMARY KEY (table_name)
);
GRANT SELECT ON served_tables TO stocktide_reader;

-- What stock is aimed at. Never overwritten, as calendar_events.
CREATE TABLE service_targets (
    term_id      bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- follows from what the row is about
    term         text COLLATE "C" NOT NULL,
    content_hash text NOT NULL,
    product      text COLLATE "C",
    category     text,
    department   text,
    location     text COLLATE "C",
    region       text,
    country      text,
    -- class by sales; null: any
    abc          text,
    measure      text NOT NULL,
    -- share; null for least_cost
    target       double precision,
    known_since  timestamptz NOT NULL DEFAULT now(),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    recorded_by  text NOT NULL,
    withdrawn_at timestamptz,
    withdrawn_by text,
    CONSTRAINT service_targets_pkey PRIMARY KEY (term_id),
    CONSTRAINT service_targets_location_fkey FOREIGN KEY (location) REFERENCES locations(code),
    CONSTRAINT service_targets_product_fkey FOREIGN KEY (product) REFERENCES products(sku),
    CONSTRAINT service_targets_abc_check CHECK (abc = ANY (ARRAY['A'::text, 'B'::text, 'C'::text])),
    CONSTRAINT service_targets_check CHECK (withdrawn_at >= known_since),
    CONSTRAINT service_targets_check1 CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CONSTRAINT service_targets_measure_check CHECK (measure = ANY (ARRAY['cycle_service'::text, 'fill_rate'::text, 'total_fill_rate'::text, 'least_cost'::text])),
    CONSTRAINT service_targets_target_check CHECK (target > 0::double precision AND target < 1::double precision)
);
-- One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.
CREATE UNIQUE INDEX service_targets_in_force ON service_targets (term) WHERE withdrawn_at IS NULL;
CREATE TRIGGER service_targets_stay BEFORE DELETE OR UPDATE ON service_targets FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
GRANT SELECT ON service_targets TO stocktide_reader;

-- Sign-ins of people, by the SHA-256 of the text in their cookie. Signing out, a new password and disabling the user
-- end them.
CREATE TABLE sessions (
    session_hash bytea NOT NULL,
    user_id      integer NOT NULL,
    address      text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    CONSTRAINT sessions_pkey PRIMARY KEY (session_hash),
    CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id)
);
-- Serves stocktide/end_sessions
CREATE INDEX sessions_of_user ON sessions (user_id) WHERE ended_at IS NULL;

-- Known shelves of each location and day, also of days without a movement and of the four weeks to come, if nothing
-- moves in them.
CREATE TABLE shelf_days (
    location_id integer NOT NULL,
    day         date NOT NULL,
    -- products whose stock is known for a part of the day at least
    known       integer NOT NULL,
    -- of these, out of stock for a time
    empty       integer NOT NULL,
    CONSTRAINT shelf_days_pkey PRIMARY KEY (location_id, day)
);
GRANT SELECT ON shelf_days TO stocktide_reader;

-- What shelves hold, and how long goods keep. Never overwritten, as calendar_events.
CREATE TABLE shelf_limits (
    term_id            bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- follows from what the row is about
    term               text COLLATE "C" NOT NULL,
    content_hash       text NOT NULL,
    product            text COLLATE "C",
    category           text,
    department         text,
    location           text COLLATE "C",
    region             text,
    country            text,
    shelf_life_days    integer,
    capacity_milli     bigint,
    -- units that stand there at least, to look well
    presentation_milli bigint,
    -- the last day on which it is ordered
    last_order_on      date,
    known_since        timestamptz NOT NULL DEFAULT now(),
    recorded_at        timestamptz NOT NULL DEFAULT now(),
    recorded_by        text NOT NULL,
    withdrawn_at       timestamptz,
    withdrawn_by       text,
    CONSTRAINT shelf_limits_pkey PRIMARY KEY (term_id),
    CONSTRAINT shelf_limits_location_fkey FOREIGN KEY (location) REFERENCES locations(code),
    CONSTRAINT shelf_limits_product_fkey FOREIGN KEY (product) REFERENCES products(sku),
    CONSTRAINT shelf_limits_capacity_milli_check CHECK (capacity_milli > 0),
    CONSTRAINT shelf_limits_check CHECK (withdrawn_at >= known_since),
    CONSTRAINT shelf_limits_check1 CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CONSTRAINT shelf_limits_presentation_milli_check CHECK (presentation_milli >= 0),
    CONSTRAINT shelf_limits_shelf_life_days_check CHECK (shelf_life_days > 0)
);
-- One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.
CREATE UNIQUE INDEX shelf_limits_in_force ON shelf_limits (term) WHERE withdrawn_at IS NULL;
CREATE TRIGGER shelf_limits_stay BEFORE DELETE OR UPDATE ON shelf_limits FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
GRANT SELECT ON shelf_limits TO stocktide_reader;

-- Each password that was tried, counted before it is checked: pending ones count as wrong, so that many at once are no
-- more guesses.
CREATE TABLE sign_in_attempts (
    attempt_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    username   text NOT NULL,
    address    text,
    outcome    text NOT NULL DEFAULT 'pending'::text,
    at         timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sign_in_attempts_pkey PRIMARY KEY (attempt_id),
    CONSTRAINT sign_in_attempts_outcome_check CHECK (outcome = ANY (ARRAY['pending'::text, 'right'::text, 'wrong'::text]))
);
-- Serves stocktide/reserve_attempt
CREATE INDEX sign_in_attempts_of_user ON sign_in_attempts (username, at);

-- CloudEvents sources: together with the event's id they are its identity.
CREATE TABLE sources (
    source_id integer NOT NULL GENERATED ALWAYS AS IDENTITY,
    source    text COLLATE "C" NOT NULL,
    CONSTRAINT sources_pkey PRIMARY KEY (source_id),
    CONSTRAINT sources_source_key UNIQUE (source),
    CONSTRAINT sources_source_check CHECK (length(source) >= 1 AND length(source) <= 500)
);
CREATE TRIGGER sources_stay BEFORE DELETE OR TRUNCATE ON sources FOR EACH STATEMENT EXECUTE FUNCTION refuse_deletion();
GRANT SELECT ON sources TO stocktide_reader;

-- Statements of the SQL console: who asked, what came of it. It is written before the statement runs, and holds no rows
-- of results.
CREATE TABLE statements (
    -- chosen by whoever asks, who can then cancel it
    statement_id        uuid NOT NULL,
    asked_by            text NOT NULL,
    statement           text NOT NULL,
    started_at          timestamptz NOT NULL DEFAULT now(),
    finished_at         timestamptz,
    -- done, or the code of the error; null: it runs, or its process was killed
    outcome             text,
    -- rows that were handed out
    rows                bigint,
    error               text,
    cancel_requested_at timestamptz,
    CONSTRAINT statements_pkey PRIMARY KEY (statement_id),
    CONSTRAINT statements_check CHECK ((finished_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT statements_outcome_check CHECK (outcome ~ '^[a-z_]{1,60}$'::text),
    CONSTRAINT statements_rows_check CHECK (rows >= 0)
);
-- Serves query/saved/history: the newest statements of a user.
CREATE INDEX statements_of ON statements (asked_by, started_at DESC);
-- Serves query/begin_statement: how many of a user's statements run.
CREATE INDEX statements_running ON statements (asked_by, started_at) WHERE finished_at IS NULL;
GRANT SELECT ON statements TO stocktide_reader;

-- Stock of each product at each location: the newest stocktake plus every movement after it. sales_score is the decayed
-- number of units sold, as of sales_score_at.
CREATE TABLE stock (
    product_id     integer NOT NULL,
    location_id    integer NOT NULL,
    on_hand_milli  bigint NOT NULL DEFAULT 0,
    counted_at     timestamptz,
    -- a receipt or a stocktake was ever seen: without one, on hand is only minus what was sold
    known          boolean NOT NULL DEFAULT false,
    sensed_milli   bigint,
    sensed_at      timestamptz,
    price_micros   bigint,
    currency       text,
    promotion      boolean NOT NULL DEFAULT false,
    price_at       timestamptz,
    sales_score    double precision NOT NULL DEFAULT 0,
    sales_score_at timestamptz,
    last_sale_at   timestamptz,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    -- earliest event time of the last transaction that moved it: not after counted_at, it has to be folded anew
    moved_from     timestamptz,
    -- moving average cost of one unit, in the order of recording
    cost_micros    bigint,
    -- of the average cost: that of the first goods that named one
    cost_currency  text,
    CONSTRAINT stock_pkey PRIMARY KEY (product_id, location_id)
) WITH (fillfactor=70);
GRANT SELECT ON stock TO stocktide_reader;

-- outbox of the ledger: pairs in parallel arrays, the same pair may repeat; rows are deleted once their rules are
-- evaluated
CREATE TABLE stock_changes (
    change_id    bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    product_ids  integer[] NOT NULL,
    location_ids integer[] NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT stock_changes_pkey PRIMARY KEY (change_id)
);
GRANT SELECT ON stock_changes TO stocktide_reader;

-- What stock and the lack of it cost. Never overwritten, as calendar_events.
CREATE TABLE stock_costs (
    term_id         bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- follows from what the row is about
    term            text COLLATE "C" NOT NULL,
    content_hash    text NOT NULL,
    product         text COLLATE "C",
    category        text,
    department      text,
    location        text COLLATE "C",
    region          text,
    country         text,
    -- share of a unit's cost, a year
    holding_rate    double precision,
    -- of a unit that could not be sold; null: its margin
    shortage_micros bigint,
    currency        text,
    known_since     timestamptz NOT NULL DEFAULT now(),
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    recorded_by     text NOT NULL,
    withdrawn_at    timestamptz,
    withdrawn_by    text,
    CONSTRAINT stock_costs_pkey PRIMARY KEY (term_id),
    CONSTRAINT stock_costs_location_fkey FOREIGN KEY (location) REFERENCES locations(code),
    CONSTRAINT stock_costs_product_fkey FOREIGN KEY (product) REFERENCES products(sku),
    CONSTRAINT stock_costs_check CHECK (withdrawn_at >= known_since),
    CONSTRAINT stock_costs_check1 CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CONSTRAINT stock_costs_currency_check CHECK (currency ~ '^[A-Z]{3}$'::text),
    CONSTRAINT stock_costs_holding_rate_check CHECK (holding_rate >= 0::double precision),
    CONSTRAINT stock_costs_shortage_micros_check CHECK (shortage_micros >= 0)
);
-- One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.
CREATE UNIQUE INDEX stock_costs_in_force ON stock_costs (term) WHERE withdrawn_at IS NULL;
CREATE TRIGGER stock_costs_stay BEFORE DELETE OR UPDATE ON stock_costs FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
GRANT SELECT ON stock_costs TO stocktide_reader;

-- The sums that stock must equal, from the ledger; `stocktide check` compares them.
CREATE VIEW stock_fold AS
 WITH counted AS (
         SELECT DISTINCT ON (ledger_in_force.product_id, ledger_in_force.location_id) ledger_in_force.product_id,
            ledger_in_force.location_id,
            ledger_in_force.observed_milli,
            ledger_in_force.occurred_at
           FROM ledger_in_force
          WHERE is_stock_count(ledger_in_force.kind)
          ORDER BY ledger_in_force.product_id, ledger_in_force.location_id, ledger_in_force.occurred_at DESC, ledger_in_force.entry_id DESC
        ), priced AS (
         SELECT DISTINCT ON (ledger_in_force.product_id, ledger_in_force.location_id) ledger_in_force.product_id,
            ledger_in_force.location_id,
            ledger_in_force.price_micros,
            ledger_in_force.currency,
            COALESCE(ledger_in_force.promotion, false) AS promotion,
            ledger_in_force.occurred_at
           FROM ledger_in_force
          WHERE ledger_in_force.kind = ANY ((ARRAY( SELECT event_kinds.kind
                   FROM event_kinds
                  WHERE event_kinds.sets_price)))
          ORDER BY ledger_in_force.product_id, ledger_in_force.location_id, ledger_in_force.occurred_at DESC, ledger_in_force.entry_id DESC
        ), sensed AS (
         SELECT DISTINCT ON (ledger_in_force.product_id, ledger_in_force.location_id) ledger_in_force.product_id,
            ledger_in_force.location_id,
            ledger_in_force.observed_milli,
            ledger_in_force.occurred_at
           FROM ledger_in_force
          WHERE ledger_in_force.kind = ANY ((ARRAY( SELECT event_kinds.kind
                   FROM event_kinds
                  WHERE event_kinds.observes AND NOT event_kinds.is_count)))
          ORDER BY ledger_in_force.product_id, ledger_in_force.location_id, ledger_in_force.occurred_at DESC, ledger_in_force.entry_id DESC
        ), shown AS (
         SELECT ledger_in_force.product_id,
            ledger_in_force.location_id,
            bool_or(ledger_in_force.kind = ANY ((ARRAY( SELECT event_kinds.kind
                   FROM event_kinds
                  WHERE event_kinds.shows_stock)))) AS known,
            max(ledger_in_force.occurred_at) FILTER (WHERE ledger_in_force.quantity_milli < 0 AND (ledger_in_force.kind = ANY ((ARRAY( SELECT event_kinds.kind
                   FROM event_kinds
                  WHERE event_kinds.daily = 'sold'::text))))) AS last_sale_at
           FROM ledger_in_force
          GROUP BY ledger_in_force.product_id, ledger_in_force.location_id
        ), moved AS (
         SELECT l.product_id,
            l.location_id,
            min(c.occurred_at) AS counted_at,
            (COALESCE(min(c.observed_milli), 0::bigint)::numeric + COALESCE(sum(l.quantity_milli) FILTER (WHERE c.occurred_at IS NULL OR l.occurred_at > c.occurred_at), 0::numeric))::bigint AS on_hand_milli
           FROM ledger l
             LEFT JOIN counted c USING (product_id, location_id)
          GROUP BY l.product_id, l.location_id
        )
 SELECT m.product_id,
    m.location_id,
    m.on_hand_milli,
    m.counted_at,
    COALESCE(w.known, false) AS known,
    w.last_sale_at,
    p.price_micros,
    p.currency,
    COALESCE(p.promotion, false) AS promotion,
    p.occurred_at AS price_at,
    s.observed_milli AS sensed_milli,
    s.occurred_at AS sensed_at
   FROM moved m
     LEFT JOIN shown w USING (product_id, location_id)
     LEFT JOIN priced p USING (product_id, location_id)
     LEFT JOIN sensed s USING (product_id, location_id);

-- Inventory position: on hand, less what is promised; what is on order; what it is worth.
CREATE VIEW stock_position AS
 SELECT s.product_id,
    s.location_id,
    s.on_hand_milli,
    COALESCE(c.on_order_milli, 0::bigint) AS on_order_milli,
    COALESCE(c.in_transit_milli, 0::bigint) AS in_transit_milli,
    COALESCE(c.promised_milli, 0::bigint) AS promised_milli,
    s.on_hand_milli - COALESCE(c.promised_milli, 0::bigint) AS available_milli,
    s.cost_micros,
    round(s.cost_micros::numeric * s.on_hand_milli::numeric / 1000::numeric) AS value_micros,
    s.cost_currency
   FROM stock s
     LEFT JOIN LATERAL ( SELECT sum(commitments.opened_milli - commitments.closed_milli) FILTER (WHERE commitments.purpose = 'on_order'::text)::bigint AS on_order_milli,
            sum(commitments.opened_milli - commitments.closed_milli) FILTER (WHERE commitments.purpose = 'in_transit'::text)::bigint AS in_transit_milli,
            sum(commitments.opened_milli - commitments.closed_milli) FILTER (WHERE commitments.purpose = 'promised'::text)::bigint AS promised_milli
           FROM commitments
          WHERE commitments.product_id = s.product_id AND commitments.location_id = s.location_id AND commitments.opened_milli > commitments.closed_milli) c ON true;
GRANT SELECT ON stock_position TO stocktide_reader;

-- Which product takes the place of which, from which business day, and with what share of its demand.
CREATE TABLE successions (
    successor_id   integer NOT NULL,
    predecessor_id integer NOT NULL,
    starts_on      date NOT NULL,
    -- of what the predecessor sells by then; the rest stays with it
    share          double precision NOT NULL,
    recorded_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT successions_pkey PRIMARY KEY (successor_id, predecessor_id),
    CONSTRAINT successions_predecessor_id_fkey FOREIGN KEY (predecessor_id) REFERENCES products(product_id),
    CONSTRAINT successions_successor_id_fkey FOREIGN KEY (successor_id) REFERENCES products(product_id),
    CONSTRAINT successions_check CHECK (successor_id <> predecessor_id),
    CONSTRAINT successions_share_check CHECK (share > 0::double precision AND share <= 1::double precision)
);
GRANT SELECT ON successions TO stocktide_reader;

-- Days on which a supplier neither takes orders nor delivers, or does after all. Never overwritten, as calendar_events.
CREATE TABLE supplier_days (
    term_id      bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- follows from what the row is about
    term         text COLLATE "C" NOT NULL,
    content_hash text NOT NULL,
    supplier     text COLLATE "C" NOT NULL,
    starts_on    date NOT NULL,
    ends_on      date NOT NULL,
    -- false: open after all
    is_closed    boolean NOT NULL DEFAULT true,
    known_since  timestamptz NOT NULL DEFAULT now(),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    recorded_by  text NOT NULL,
    withdrawn_at timestamptz,
    withdrawn_by text,
    CONSTRAINT supplier_days_pkey PRIMARY KEY (term_id),
    CONSTRAINT supplier_days_check CHECK (ends_on >= starts_on),
    CONSTRAINT supplier_days_check1 CHECK (withdrawn_at >= known_since),
    CONSTRAINT supplier_days_check2 CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
-- One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.
CREATE UNIQUE INDEX supplier_days_in_force ON supplier_days (term) WHERE withdrawn_at IS NULL;
CREATE TRIGGER supplier_days_stay BEFORE DELETE OR UPDATE ON supplier_days FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
GRANT SELECT ON supplier_days TO stocktide_reader;

-- What a supplier sells, and in what amounts. Never overwritten, as calendar_events.
CREATE TABLE supplier_products (
    term_id        bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- follows from what the row is about
    term           text COLLATE "C" NOT NULL,
    content_hash   text NOT NULL,
    supplier       text COLLATE "C" NOT NULL,
    product        text COLLATE "C" NOT NULL,
    -- of one unit of the product
    price_micros   bigint,
    -- null: the supplier's
    currency       text,
    -- units in a pack
    pack_milli     bigint,
    -- units that an order of it has at least
    minimum_milli  bigint,
    -- units by which an order of it grows; null: the pack
    multiple_milli bigint,
    -- null: the supplier's
    lead_days      integer,
    -- 1 is who is asked first
    rank           integer NOT NULL DEFAULT 1,
    -- the supplier's own code
    sku            text,
    known_since    timestamptz NOT NULL DEFAULT now(),
    recorded_at    timestamptz NOT NULL DEFAULT now(),
    recorded_by    text NOT NULL,
    withdrawn_at   timestamptz,
    withdrawn_by   text,
    CONSTRAINT supplier_products_pkey PRIMARY KEY (term_id),
    CONSTRAINT supplier_products_product_fkey FOREIGN KEY (product) REFERENCES products(sku),
    CONSTRAINT supplier_products_check CHECK (withdrawn_at >= known_since),
    CONSTRAINT supplier_products_check1 CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CONSTRAINT supplier_products_currency_check CHECK (currency ~ '^[A-Z]{3}$'::text),
    CONSTRAINT supplier_products_lead_days_check CHECK (lead_days >= 0),
    CONSTRAINT supplier_products_minimum_milli_check CHECK (minimum_milli >= 0),
    CONSTRAINT supplier_products_multiple_milli_check CHECK (multiple_milli > 0),
    CONSTRAINT supplier_products_pack_milli_check CHECK (pack_milli > 0),
    CONSTRAINT supplier_products_price_micros_check CHECK (price_micros >= 0)
);
-- One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.
CREATE UNIQUE INDEX supplier_products_in_force ON supplier_products (term) WHERE withdrawn_at IS NULL;
CREATE TRIGGER supplier_products_stay BEFORE DELETE OR UPDATE ON supplier_products FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
GRANT SELECT ON supplier_products TO stocktide_reader;

-- Who sells to the chain. Never overwritten, as calendar_events.
CREATE TABLE suppliers (
    term_id              bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- follows from what the row is about
    term                 text COLLATE "C" NOT NULL,
    content_hash         text NOT NULL,
    supplier             text COLLATE "C" NOT NULL,
    name                 text,
    email                text,
    currency             text,
    timezone             text,
    -- days of the week on which orders are taken, such as mon,thu; null: any
    order_days           text,
    -- HH:MM on the supplier's clock until which an order is of its day
    cutoff               text,
    -- days of the week on which it delivers; null: any
    delivery_days        text,
    -- promised from order to delivery
    lead_days            integer,
    minimum_value_micros bigint,
    minimum_units_milli  bigint,
    -- units that fill a truck
    truck_units_milli    bigint,
    -- of an order, however much is in it
    order_cost_micros    bigint,
    -- false: nothing is ordered from it
    active               boolean NOT NULL DEFAULT true,
    known_since          timestamptz NOT NULL DEFAULT now(),
    recorded_at          timestamptz NOT NULL DEFAULT now(),
    recorded_by          text NOT NULL,
    withdrawn_at         timestamptz,
    withdrawn_by         text,
    -- who orders there, whose budget pays; null: nobody's
    buyer                text,
    -- the location of ours that it is, such as a warehouse; null: another company
    location             text COLLATE "C",
    CONSTRAINT suppliers_pkey PRIMARY KEY (term_id),
    CONSTRAINT suppliers_location_fkey FOREIGN KEY (location) REFERENCES locations(code),
    CONSTRAINT suppliers_check CHECK (withdrawn_at >= known_since),
    CONSTRAINT suppliers_check1 CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CONSTRAINT suppliers_currency_check CHECK (currency ~ '^[A-Z]{3}$'::text),
    CONSTRAINT suppliers_lead_days_check CHECK (lead_days >= 0),
    CONSTRAINT suppliers_minimum_units_milli_check CHECK (minimum_units_milli >= 0),
    CONSTRAINT suppliers_minimum_value_micros_check CHECK (minimum_value_micros >= 0),
    CONSTRAINT suppliers_order_cost_micros_check CHECK (order_cost_micros >= 0),
    CONSTRAINT suppliers_truck_units_milli_check CHECK (truck_units_milli > 0)
);
-- One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.
CREATE UNIQUE INDEX suppliers_in_force ON suppliers (term) WHERE withdrawn_at IS NULL;
CREATE TRIGGER suppliers_stay BEFORE DELETE OR UPDATE ON suppliers FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
GRANT SELECT ON suppliers TO stocktide_reader;

-- What came of the lots that were sent under a transfer with arrivals that name no lot: the first to expire came first,
-- and what was sent without a lot last.
CREATE VIEW transfer_lots AS
 SELECT product_id,
    location_id,
    reference,
    lot,
    LEAST(left_milli, GREATEST(unnamed_milli - (until_milli - left_milli), 0::numeric))::bigint AS milli
   FROM ( SELECT s.product_id,
            s.location_id,
            s.reference,
            s.lot,
            s.unnamed_milli,
            GREATEST(s.sent_milli - s.named_milli, 0::numeric) AS left_milli,
            sum(GREATEST(s.sent_milli - s.named_milli, 0::numeric)) OVER (PARTITION BY s.product_id, s.location_id, s.reference ORDER BY s.expires_on, s.lot) AS until_milli
           FROM ( SELECT l.product_id,
                    l.location_id,
                    l.reference,
                    l.lot,
                    COALESCE(sum(l.committed_milli) FILTER (WHERE k.opens IS NOT NULL), 0::numeric) AS sent_milli,
                    COALESCE(sum(l.committed_milli) FILTER (WHERE k.closes IS NOT NULL), 0::numeric) AS named_milli,
                    (array_agg(f.expires_on ORDER BY f.entry_id DESC) FILTER (WHERE f.expires_on IS NOT NULL))[1] AS expires_on,
                    sum(sum(l.committed_milli) FILTER (WHERE k.closes IS NOT NULL AND l.lot IS NULL)) OVER (PARTITION BY l.product_id, l.location_id, l.reference) AS unnamed_milli
                   FROM ledger l
                     JOIN event_kinds k USING (kind)
                     LEFT JOIN ( SELECT ledger_in_force.product_id,
                            ledger_in_force.location_id,
                            ledger_in_force.entry_id,
                            ledger_in_force.expires_on
                           FROM ledger_in_force
                          WHERE told_day(ledger_in_force.expires_on) IS NOT NULL AND ledger_in_force.lot IS NOT NULL) f USING (product_id, location_id, entry_id)
                  WHERE l.committed_milli IS NOT NULL AND l.reference IS NOT NULL AND COALESCE(k.opens, k.closes) = 'in_transit'::text
                  GROUP BY l.product_id, l.location_id, l.reference, l.lot) s) t
  WHERE lot IS NOT NULL AND unnamed_milli > 0::numeric;

-- Days whose units sold are beyond all that the pair sold around them, as a mistyped quantity is. Open ones wait for
-- somebody's decision; open and excluded ones count as a usual day in training.
CREATE TABLE unusual_days (
    product_id  integer NOT NULL,
    location_id integer NOT NULL,
    day         date NOT NULL,
    -- what the day sold when it was found; a decision holds for this amount alone
    sold_milli  bigint NOT NULL,
    -- the median of the pair's days with sales within half a year: what the day counts as in training
    usual_milli bigint NOT NULL,
    -- open: nobody has decided; confirmed: it is true demand; excluded: it is an error
    state       text NOT NULL DEFAULT 'open'::text,
    found_at    timestamptz NOT NULL DEFAULT now(),
    decided_at  timestamptz,
    decided_by  text,
    reason      text,
    CONSTRAINT unusual_days_pkey PRIMARY KEY (product_id, location_id, day),
    CONSTRAINT unusual_days_location_id_fkey FOREIGN KEY (location_id) REFERENCES locations(location_id),
    CONSTRAINT unusual_days_product_id_fkey FOREIGN KEY (product_id) REFERENCES products(product_id),
    CONSTRAINT unusual_days_check CHECK ((state = 'open'::text) = (decided_at IS NULL)),
    CONSTRAINT unusual_days_state_check CHECK (state = ANY (ARRAY['open'::text, 'confirmed'::text, 'excluded'::text]))
);
GRANT SELECT ON unusual_days TO stocktide_reader;

-- People who sign in to the dashboard; passwords as argon2id hashes.
CREATE TABLE users (
    user_id       integer NOT NULL GENERATED ALWAYS AS IDENTITY,
    username      text NOT NULL,
    role          text NOT NULL,
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz,
    CONSTRAINT users_pkey PRIMARY KEY (user_id),
    CONSTRAINT users_username_key UNIQUE (username),
    CONSTRAINT users_role_check CHECK (role = ANY (ARRAY['viewer'::text, 'buyer'::text, 'planner'::text, 'operator'::text])),
    CONSTRAINT users_username_check CHECK (username ~ '^[a-z0-9._@-]{1,64}$'::text)
);
CREATE TRIGGER users_end_sessions AFTER UPDATE OF password_hash, disabled_at ON users FOR EACH ROW EXECUTE FUNCTION end_sessions_of_user();

-- Each step of the moving average cost, so that it can be proved.
CREATE TABLE valuations (
    valuation_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    product_id   integer NOT NULL,
    location_id  integer NOT NULL,
    other_milli  bigint NOT NULL,
    cost_before  bigint,
    came_milli   bigint NOT NULL,
    came_cost    bigint NOT NULL,
    cost_after   bigint NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    -- of the entries that it averages, see block_of
    block        bigint NOT NULL,
    -- of the costs; goods in another one came at the rate of their day, and without a rate not into the average
    currency     text,
    CONSTRAINT valuations_pkey PRIMARY KEY (valuation_id)
);
-- Serves etl/check/costs: the steps of a pair in order.
CREATE INDEX valuations_pair ON valuations (product_id, location_id, valuation_id);
GRANT SELECT ON valuations TO stocktide_reader;

-- Files that `stocktide watch` took, each once by its content.
CREATE TABLE watched_files (
    sha256         bytea NOT NULL,
    name           text NOT NULL,
    bytes          bigint NOT NULL,
    state          text NOT NULL,
    report         jsonb NOT NULL DEFAULT '{}'::jsonb,
    started_at     timestamptz NOT NULL DEFAULT now(),
    finished_at    timestamptz,
    -- of the mapping that read it; empty: none did
    mapping_sha256 bytea NOT NULL DEFAULT '\x'::bytea,
    CONSTRAINT watched_files_pkey PRIMARY KEY (sha256, mapping_sha256),
    CONSTRAINT watched_files_bytes_check CHECK (bytes >= 0),
    CONSTRAINT watched_files_check CHECK ((state = ANY (ARRAY['done'::text, 'failed'::text])) <= (finished_at IS NOT NULL)),
    CONSTRAINT watched_files_mapping_sha256_check CHECK (length(mapping_sha256) = ANY (ARRAY[0, 32])),
    CONSTRAINT watched_files_sha256_check CHECK (length(sha256) = 32),
    CONSTRAINT watched_files_state_check CHECK (state = ANY (ARRAY['taken'::text, 'recorded'::text, 'done'::text, 'failed'::text]))
);
-- Serves people who list by hand what came last; no statement of ours orders by it.
CREATE INDEX watched_files_started ON watched_files (started_at);
GRANT SELECT ON watched_files TO stocktide_reader;

-- Who is told of alerts. The secret is stored in the clear, because signing needs it; no route shows it again.
CREATE TABLE webhooks (
    webhook_id       integer NOT NULL GENERATED ALWAYS AS IDENTITY,
    name             text NOT NULL,
    url              text NOT NULL,
    secret           bytea NOT NULL,
    old_secret       bytea,
    old_secret_until timestamptz,
    rules            text[],
    location_ids     integer[],
    active           boolean NOT NULL DEFAULT true,
    -- why it was switched off, where we did it
    note             text,
    created_by       text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhooks_pkey PRIMARY KEY (webhook_id),
    CONSTRAINT webhooks_name_key UNIQUE (name),
    CONSTRAINT webhooks_location_ids_check CHECK (cardinality(location_ids) > 0),
    CONSTRAINT webhooks_name_check CHECK (length(name) >= 1 AND length(name) <= 100),
    CONSTRAINT webhooks_rules_check CHECK (cardinality(rules) > 0),
    CONSTRAINT webhooks_url_check CHECK (length(url) <= 2000)
);
GRANT SELECT (webhook_id, name, url, rules, location_ids, active, note, created_by, created_at, updated_at) ON webhooks
    TO stocktide_reader;

-- Comparisons of scenarios that people saved, with the figures as they were then.
CREATE TABLE what_ifs (
    what_if_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- who saved it; everybody who may read can open it
    owner      text NOT NULL,
    name       text NOT NULL,
    -- scope and scenarios
    asked      jsonb NOT NULL,
    -- figures of what was, and of each scenario
    answer     jsonb NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT what_ifs_pkey PRIMARY KEY (what_if_id),
    CONSTRAINT what_ifs_name_check CHECK (length(name) >= 1 AND length(name) <= 100)
);
GRANT SELECT ON what_ifs TO stocktide_reader;

-- Scenarios that were applied: the terms, plans and overrides that they wrote. Each once.
CREATE TABLE what_ifs_applied (
    what_if_id bigint NOT NULL,
    scenario   text NOT NULL,
    applied_by text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    -- rows by the kind that took them
    wrote      jsonb NOT NULL,
    CONSTRAINT what_ifs_applied_pkey PRIMARY KEY (what_if_id, scenario),
    CONSTRAINT what_ifs_applied_what_if_id_fkey FOREIGN KEY (what_if_id) REFERENCES what_ifs(what_if_id)
);
CREATE TRIGGER what_ifs_applied_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON what_ifs_applied FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT ON what_ifs_applied TO stocktide_reader;

-- the block of ledger_entries that an entry is from: of all entries that were appended together
CREATE OR REPLACE FUNCTION block_of(entry_id bigint)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
    SELECT entry_id / 65536
$function$;

-- Deletes rejects with their history, for whoever erases a customer that they name.
CREATE OR REPLACE FUNCTION delete_rejects(ids bigint[])
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    deleted integer;
BEGIN
    PERFORM set_config('stocktide.retention', 'on', true);
    DELETE FROM rejects WHERE reject_id = ANY(ids);
    GET DIAGNOSTICS deleted = ROW_COUNT;
    PERFORM set_config('stocktide.retention', '', true);
    RETURN deleted;
END $function$;

-- The newest rate of two currencies up to a day, whichever way round it was given, and its day.
CREATE OR REPLACE FUNCTION direct_rate(from_currency text, to_currency text, at date)
 RETURNS TABLE(day date, rate numeric)
 LANGUAGE sql
 STABLE
AS $function$
    SELECT both_ways.day, both_ways.rate
    FROM ((SELECT r.day, r.rate, 1 AS way
           FROM currency_rates r
           WHERE r.base = from_currency AND r.quote = to_currency AND r.day <= at
           ORDER BY r.day DESC
           LIMIT 1)
          UNION ALL
         (SELECT r.day, 1 / r.rate, 2
           FROM currency_rates r
           WHERE r.base = to_currency AND r.quote = from_currency AND r.day <= at
           ORDER BY r.day DESC
           LIMIT 1)) both_ways
    ORDER BY both_ways.day DESC, both_ways.way
    LIMIT 1
$function$;

CREATE OR REPLACE FUNCTION end_sessions_of_user()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    UPDATE sessions SET ended_at = now() WHERE user_id = NEW.user_id AND ended_at IS NULL;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION ensure_ledger_partitions(first_day date, months integer)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    month date := date_trunc('month', first_day);
    name text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('stocktide.ledger_partitions', 0));
    FOR number IN 1 .. months LOOP
        name := 'ledger_' || to_char(month, 'YYYY_MM');
        IF to_regclass(name) IS NULL
           AND NOT EXISTS (SELECT FROM ledger_other
                           WHERE recorded_at >= month AND recorded_at < month + interval '1 month') THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF ledger FOR VALUES FROM (%L) TO (%L)', name,
                           month::timestamptz, (month + interval '1 month')::timestamptz);
            EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION '
                           'refuse_change()', name || '_no_truncate', name);
            EXECUTE format('GRANT SELECT ON %I TO stocktide_reader', name);
        END IF;
        month := month + interval '1 month';
    END LOOP;
END $function$;

CREATE OR REPLACE FUNCTION epcis_place_key(address text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
    SELECT CASE
        WHEN address ~ '^[0-9]{13}$' THEN left(address, 12)
        WHEN address ~ '^urn:epc:id:s?p?gln:[0-9]+\.[0-9]*' THEN
            left(replace((regexp_match(address, '^urn:epc:id:s?p?gln:([0-9]+\.[0-9]*)'))[1], '.', ''), 12)
        WHEN address ~* '^https?://' THEN
            coalesce((regexp_match(address, '/(?:414|417|gln|party)/([0-9]{12})[0-9](?:[/?#]|$)'))[1], left(address, 300))
        ELSE left(address, 300)
    END
$function$;

CREATE OR REPLACE FUNCTION epcis_within(places text[])
 RETURNS SETOF text
 LANGUAGE sql
 STABLE
AS $function$
    WITH RECURSIVE inside (place) AS (
        SELECT unnest(places)
        UNION
        SELECT unnest(v.children) FROM inside JOIN epcis_vocabulary v ON v.element = inside.place
    )
    SELECT place FROM inside
$function$;

CREATE OR REPLACE FUNCTION faded(score double precision, at timestamp with time zone, other timestamp with time zone, half_life_s double precision)
 RETURNS double precision
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT CASE WHEN at IS NULL THEN 0
                WHEN other IS NULL OR other <= at THEN score
                -- beyond 1000 halvings nothing is left of any
                ELSE score * power(2.0::float8, greatest(-1000, -date_part('epoch', other - at) / half_life_s)) END
$function$;

-- How much of each of the last days has come from each source, judged by the hours that its events took on the days
-- before: open (not over), learning (too little is known), silent (nothing came since it ended, for a day), quiet (the
-- same, but the source's own key was used since), arriving (a part is still to come) or final; and how many events it
-- will have.
CREATE OR REPLACE FUNCTION feed_completeness(at timestamp with time zone, days integer)
 RETURNS TABLE(source text, day date, state text, events bigint, expected double precision)
 LANGUAGE sql
 STABLE
AS $function$
    WITH hours AS (
        SELECT hour, n::int AS n FROM unnest(ARRAY[0, 1, 3, 6, 12, 24, 48, 72, 168]) WITH ORDINALITY AS h (hour, n)
    ),
    -- days of imports, which came long after, teach nothing
    taught AS (
        SELECT *
        FROM feed_days f
        WHERE f.ends_at < at - INTERVAL '8 days' AND 2 * f.arrived[cardinality(f.arrived)] >= f.events AND f.events > 0
    ),
    learnt AS (
        SELECT t.source_id, h.hour, sum(t.arrived[h.n])::float8 / sum(t.events)::float8 AS share, count(*) AS days
        FROM taught t, hours h
        GROUP BY t.source_id, h.hour
    ),
    usual AS (
        SELECT t.source_id, extract(isodow FROM t.day) AS weekday, avg(t.events)::float8 AS events FROM taught t GROUP BY 1, 2
    ),
    newest AS (
        SELECT DISTINCT ON (f.source_id) f.source_id, f.day, f.ends_at,
               max(f.last_recorded_at) OVER (PARTITION BY f.source_id) AS heard_at
        FROM feed_days f
        ORDER BY f.source_id, f.day DESC
    ),
    -- a key that is for one source alone is that source's sender: whatever it asked for, it is alive
    beats AS (
        SELECT s.source_id, max(k.last_used_at) AS beat_at
        FROM access_keys k
        JOIN sources s ON s.source = k.sources[1] COLLATE "C"
        WHERE k.scope = 'ingest' AND cardinality(k.sources) = 1
        GROUP BY s.source_id
    ),
    -- each day of a source that was heard of lately, those too of which nothing has come
    judged AS (
        SELECT n.source_id, c.day::date AS day, coalesce(f.ends_at, n.ends_at + (c.day - n.day)) AS ends_at,
               coalesce(f.events, 0) AS events, n.heard_at
        FROM newest n
        CROSS JOIN LATERAL generate_series(n.day + 1 - days, greatest(n.day, (at - (n.ends_at - n.day))::date), INTERVAL '1 day') c (day)
        LEFT JOIN feed_days f ON f.source_id = n.source_id AND f.day = c.day
        WHERE n.heard_at > at - INTERVAL '1 day' * days
    ),
    known AS (
        SELECT s.source, j.day, j.ends_at, j.events, j.heard_at, b.beat_at, coalesce(l.days, 0) AS learnt, l.share,
               coalesce(j.events / nullif(CASE WHEN j.events > 0 THEN l.share END, 0), u.events) AS expected, u.events AS usual
        FROM judged j
        JOIN sources s USING (source_id)
        LEFT JOIN beats b USING (source_id)
        LEFT JOIN LATERAL (
            SELECT l.share, l.days FROM learnt l
            WHERE l.source_id = j.source_id AND l.hour <= extract(epoch FROM at - j.ends_at) / 3600
            ORDER BY l.hour DESC
            LIMIT 1
        ) l ON true
        LEFT JOIN usual u ON u.source_id = j.source_id AND u.weekday = extract(isodow FROM j.day)
    ),
    stated AS (
        SELECT k.*,
               CASE WHEN at < k.ends_at THEN 'open'
                    WHEN k.learnt < 7 THEN 'learning'
                    WHEN k.heard_at < k.ends_at AND at > k.ends_at + INTERVAL '1 day'
                        THEN CASE WHEN k.beat_at >= k.ends_at THEN 'quiet' ELSE 'silent' END
                    -- what is missing from here on changes no figure that anybody reads
                    WHEN k.share >= 0.995 AND (k.events > 0 OR k.usual IS NULL) THEN 'final'
                    ELSE 'arriving' END AS state
        FROM known k
    )
    SELECT s.source, s.day, s.state, s.events,
           CASE WHEN s.state = 'learning' THEN NULL WHEN s.state IN ('final', 'quiet') THEN s.events ELSE s.expected END
    FROM stated s
    ORDER BY s.day DESC, s.source
$function$;

-- Shelf-days of some locations (null: all) from a day on, as daily_demand says; serves etl/serve_shelf_days and the
-- check of them.
CREATE OR REPLACE FUNCTION fold_shelf_days(place_ids integer[], since date)
 RETURNS TABLE(location_id integer, day date, known integer, empty integer)
 LANGUAGE sql
 STABLE
AS $function$
    WITH moved AS (
        SELECT d.location_id, d.day, (d.in_stock_share IS NOT NULL)::int AS known, d.censored::int AS empty,
               coalesce(d.on_hand_milli >= 0, false)::int AS known_after,
               coalesce(d.on_hand_milli = 0, false)::int AS empty_after,
               least(lead(d.day) OVER (PARTITION BY d.location_id, d.product_id ORDER BY d.day), d.day + 29) AS until
        FROM daily_demand d
        WHERE (place_ids IS NULL OR d.location_id = ANY (place_ids)) AND d.day >= since - 28
    ),
    -- what begins and what ends on a day: summed up, days without a row count too
    steps AS (
        SELECT m.location_id, s.day, sum(s.known) AS known, sum(s.empty) AS empty
        FROM moved m
        CROSS JOIN LATERAL (VALUES
           (m.day, m.known, m.empty),
           (m.day + 1, m.known_after - m.known, m.empty_after - m.empty),
           (m.until, -m.known_after, -m.empty_after)
        ) AS s (day, known, empty)
        GROUP BY m.location_id, s.day
    ),
    running AS (
        SELECT s.location_id, s.day, lead(s.day) OVER by_day AS until,
               sum(s.known) OVER by_day AS known, sum(s.empty) OVER by_day AS empty
        FROM steps s
        WINDOW by_day AS (PARTITION BY s.location_id ORDER BY s.day)
    )
    SELECT r.location_id, c.day::date, r.known::int, r.empty::int
    FROM running r
    CROSS JOIN LATERAL generate_series(greatest(r.day, since), r.until - 1, INTERVAL '1 day') AS c (day)
    WHERE r.known > 0
$function$;

-- Grants rights on tables to stocktide_api or stocktide_worker, where the role exists: each migration that makes a
-- table calls it.
CREATE OR REPLACE FUNCTION grant_to_part(part text, rights text, tables text[])
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = part) THEN
        EXECUTE format('GRANT %s ON %s TO %I', rights,
                      (SELECT string_agg(format('%I', name), ', ') FROM unnest(tables) AS name), part);
    END IF;
END $function$;

CREATE OR REPLACE FUNCTION is_stock_count(kind text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
    SELECT kind = 'stocktake'
$function$;

-- What was ordered may be cancelled, and nothing else; what is closed stays as it is.
CREATE OR REPLACE FUNCTION keep_what_was_ordered()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
END $function$;

-- stock on hand as far as it is known; null before the first receipt or count, and below zero: then goods were sold
-- that never came
CREATE OR REPLACE FUNCTION known_stock(known boolean, on_hand_milli bigint)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
    SELECT CASE WHEN known AND on_hand_milli >= 0 THEN on_hand_milli END
$function$;

-- Writes over all segments of the WAL that the server keeps to be used again; returns false where the owner may not.
CREATE OR REPLACE FUNCTION leave_wal()
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    FOR number IN 1 .. (SELECT count(*) + 1 FROM pg_ls_waldir()) LOOP
        -- a segment that holds nothing is not left; what is left of one is zeros
        PERFORM pg_logical_emit_message(false, 'stocktide', '');
        PERFORM pg_switch_wal();
    END LOOP;
    CHECKPOINT;
    RETURN true;
EXCEPTION
    -- on a managed server this is its operator's
    WHEN insufficient_privilege THEN RETURN false;
END $function$;

-- The day of an instant in a time zone; in UTC where the database does not know the zone, as of an old row.
CREATE OR REPLACE FUNCTION local_date(at timestamp with time zone, timezone text)
 RETURNS date
 LANGUAGE plpgsql
 STABLE
AS $function$
BEGIN
    RETURN (at AT TIME ZONE timezone)::date;
EXCEPTION
    WHEN invalid_parameter_value THEN RETURN (at AT TIME ZONE 'UTC')::date;
END $function$;

CREATE OR REPLACE FUNCTION moving_average(other_milli bigint, cost_before bigint, came_milli bigint, came_cost bigint)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT CASE WHEN cost_before IS NULL THEN came_cost
                ELSE round((other_milli::numeric * cost_before + came_milli::numeric * came_cost)
                           / (other_milli + came_milli))::bigint END
$function$;

-- Periods of the published forecast that the coming days are in, by time zone, each with its number from the first one
-- ahead on and the share of it that is in these days. They begin with the zone's own today, or where the forecast's
-- days begin, if that is later. None where the forecast ends before they do.
CREATE OR REPLACE FUNCTION periods_ahead(at timestamp with time zone, days integer)
 RETURNS TABLE(timezone text, forecast_run_id bigint, ds date, number integer, share double precision)
 LANGUAGE sql
 STABLE
AS $function$
    WITH periods AS (
        SELECT f.ds AS last_day, coalesce(lag(f.ds) OVER (ORDER BY f.ds), r.cutoff) + 1 AS first_day, r.forecast_run_id,
               r.cutoff, max(f.ds) OVER () AS through, row_number() OVER (ORDER BY f.ds)::int AS number
        FROM published_forecast p
        JOIN forecast_runs r USING (forecast_run_id)
        JOIN forecasts f USING (forecast_run_id)
        WHERE f.node_id = 0
    ),
    zones AS (
        SELECT DISTINCT l.timezone FROM locations l
    )
    SELECT z.timezone, d.forecast_run_id, d.last_day, d.number,
          (least(d.last_day, b.before + days) - greatest(d.first_day - 1, b.before))::float8
               / (d.last_day - d.first_day + 1)
    FROM zones z
    CROSS JOIN periods d
    CROSS JOIN LATERAL (SELECT greatest(d.cutoff, local_date(at, z.timezone) - 1) AS before) b
    WHERE d.last_day > b.before AND d.first_day <= b.before + days AND d.through >= b.before + days
$function$;

-- The rate at which goods come into the average cost of a pair, of their business day; a cost that names no currency is
-- in that of the others. NULL: no rate is known.
CREATE OR REPLACE FUNCTION rate_of_goods(goods_currency text, pair_currency text, at timestamp with time zone, at_location integer)
 RETURNS numeric
 LANGUAGE sql
 STABLE
AS $function$
    SELECT CASE WHEN goods_currency IS NULL OR pair_currency IS NULL OR goods_currency = pair_currency THEN 1
                ELSE rate_on(goods_currency, pair_currency,
                             local_date(at, (SELECT timezone FROM locations WHERE location_id = at_location))) END
$function$;

-- What one unit of a currency was worth in another on a day: by the newest rate until then, either way round, else by
-- way of a third currency; NULL where none is known.
CREATE OR REPLACE FUNCTION rate_on(from_currency text, to_currency text, at date)
 RETURNS numeric
 LANGUAGE sql
 STABLE
AS $function$
    SELECT CASE WHEN from_currency = to_currency THEN 1 ELSE coalesce(
       (SELECT rate FROM direct_rate(from_currency, to_currency, at)),
       (SELECT a.rate * b.rate
         FROM (SELECT quote AS third FROM currency_rates WHERE base = from_currency
               UNION
               SELECT base FROM currency_rates WHERE quote = from_currency) t
         CROSS JOIN LATERAL direct_rate(from_currency, t.third, at) a
         CROSS JOIN LATERAL direct_rate(t.third, to_currency, at) b
         ORDER BY least(a.day, b.day) DESC, t.third
         LIMIT 1)) END
$function$;

-- take the steps of a product's average cost again, from a block of entries on, at all places: goods that move bring
-- the cost of where they come from
CREATE OR REPLACE FUNCTION refold_costs(of_product integer, since bigint)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
    first_step bigint;
    earlier bigint;
    came record;
BEGIN
    PERFORM FROM stock WHERE product_id = of_product ORDER BY location_id FOR UPDATE;
    -- two writers at once may have taken their steps in another order than their blocks: all of these go
    LOOP
        SELECT min(valuation_id) INTO first_step FROM valuations WHERE product_id = of_product AND block >= since;
        SELECT min(block) INTO earlier FROM valuations WHERE product_id = of_product AND valuation_id >= first_step;
        EXIT WHEN earlier IS NULL OR earlier >= since;
        since := earlier;
    END LOOP;
    DELETE FROM valuations WHERE product_id = of_product AND block >= since;
    UPDATE stock s
    SET (cost_micros, cost_currency) = (
        SELECT v.cost_after, v.currency FROM valuations v
        WHERE v.product_id = s.product_id AND v.location_id = s.location_id
        ORDER BY v.valuation_id DESC LIMIT 1)
    WHERE s.product_id = of_product;
    FOR came IN
        WITH costed AS (
            SELECT * FROM ledger_costed WHERE product_id = of_product AND block >= since
        ),
        rows AS MATERIALIZED (
            SELECT location_id, block_of(entry_id) AS block, entry_id, occurred_at, quantity_milli, observed_milli,
                   is_stock_count(kind) AS counts
            FROM ledger_in_force
            WHERE product_id = of_product AND location_id IN (SELECT location_id FROM costed)
        ),
        -- few, and asked for every step
        counts AS MATERIALIZED (
            SELECT location_id, block, entry_id, occurred_at, observed_milli FROM rows WHERE counts
        ),
        -- each step with the count that ruled when it was taken
        step AS (
            SELECT c.location_id, c.block, coalesce(n.observed_milli, 0) AS counted_milli,
                   coalesce(n.occurred_at, '-infinity') AS counted_at
            FROM (SELECT DISTINCT location_id, block FROM costed) c
            LEFT JOIN LATERAL (
                SELECT observed_milli, occurred_at
                FROM counts r
                WHERE r.location_id = c.location_id AND r.block <= c.block
                ORDER BY occurred_at DESC, entry_id DESC
                LIMIT 1) n ON true
        ),
        -- what had moved since such a count by the end of each block
        moved AS (
            SELECT r.location_id, e.counted_at, r.block,
                   sum(sum(CASE WHEN r.occurred_at > e.counted_at THEN r.quantity_milli ELSE 0 END))
                       OVER (PARTITION BY r.location_id, e.counted_at ORDER BY r.block) AS moved_milli
            FROM rows r
            JOIN (SELECT DISTINCT location_id, counted_at FROM step) e USING (location_id)
            GROUP BY r.location_id, e.counted_at, r.block
        )
        SELECT c.block, jsonb_agg(to_jsonb(c) || jsonb_build_object('on_hand_milli', s.counted_milli + m.moved_milli)
                         ORDER BY c.entry_id)
               AS goods
        FROM costed c
        JOIN step s USING (location_id, block)
        JOIN moved m USING (location_id, counted_at, block)
        GROUP BY c.block
        ORDER BY c.block
    LOOP
        PERFORM value_goods(came.goods, came.block);
    END LOOP;
END $function$;

CREATE OR REPLACE FUNCTION refuse_alert_history_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION 'the history of alerts is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $function$;

CREATE OR REPLACE FUNCTION refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % refused; record a correcting event instead', TG_OP
        USING ERRCODE = 'restrict_violation';
END $function$;

CREATE OR REPLACE FUNCTION refuse_deletion()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME IN ('products', 'locations')
       AND current_setting('stocktide.removes', true) = TG_TABLE_NAME THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'rows of % are never deleted: the ledger names them', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $function$;

-- Undoes a group of sales whose pseudonyms were cached before an erasure; the caller then looks them up.
CREATE OR REPLACE FUNCTION refuse_erased()
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION 'a customer was erased since pseudonyms were looked up' USING ERRCODE = 'ST002';
END $function$;

CREATE OR REPLACE FUNCTION refuse_late()
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION 'a movement from before the newest count' USING ERRCODE = 'ST001';
END $function$;

CREATE OR REPLACE FUNCTION refuse_plan_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.withdrawn_at IS NULL AND NEW.withdrawn_at IS NOT NULL
       AND to_jsonb(NEW) - 'withdrawn_at' - 'withdrawn_by' = to_jsonb(OLD) - 'withdrawn_at' - 'withdrawn_by' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'plans are not changed: % of % refused; withdraw the row and record another', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $function$;

CREATE OR REPLACE FUNCTION refuse_reject_history_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('stocktide.retention', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the history of rejects is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $function$;

-- Writes the tables again that held erased fields, in their owner's name; returns how many customers were purged.
CREATE OR REPLACE FUNCTION rewrite_erased()
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    purged integer;
BEGIN
    -- deleted rows stay in a table's pages until something is written over them; a rewritten table has new pages
    CLUSTER customers USING customers_pkey;
    CLUSTER rejects USING rejects_pkey;
    CLUSTER reject_actions USING reject_actions_pkey;
    CLUSTER statements USING statements_pkey;
    UPDATE customers SET purged_at = now() WHERE erased_at IS NOT NULL AND purged_at IS NULL;
    GET DIAGNOSTICS purged = ROW_COUNT;
    RETURN purged;
END $function$;

-- the scores that stock must hold, from the ledger: units sold, each halved every half-life before the newest
CREATE OR REPLACE FUNCTION score_fold(half_life_s double precision)
 RETURNS TABLE(product_id integer, location_id integer, sales_score double precision, sales_score_at timestamp with time zone)
 LANGUAGE sql
 STABLE
AS $function$
    WITH scored AS NOT MATERIALIZED (
        SELECT l.product_id, l.location_id, l.quantity_milli / -1000.0::float8 AS units, l.occurred_at
        FROM ledger_in_force l
        WHERE l.kind = ANY (ARRAY(SELECT kind FROM event_kinds WHERE scored))
    ),
    newest AS (
        SELECT s.product_id, s.location_id, max(s.occurred_at) AS at FROM scored s GROUP BY 1, 2
    )
    SELECT s.product_id, s.location_id, sum(faded(s.units, s.occurred_at, n.at, half_life_s)), n.at
    FROM scored s
    JOIN newest n USING (product_id, location_id)
    GROUP BY s.product_id, s.location_id, n.at
$function$;

-- how long a feed may be silent, seconds: what its key promises, else its own rhythm once that is known; null: nobody
-- knows, or its key has ended
CREATE OR REPLACE FUNCTION silent_limit_s(ended boolean, expected_s double precision, gap_s double precision, known_for_s double precision, limit_s_min double precision, factor double precision, history_h double precision)
 RETURNS double precision
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
    SELECT CASE
        WHEN ended THEN NULL
        WHEN expected_s IS NOT NULL THEN expected_s
        WHEN known_for_s >= 3600 * history_h THEN greatest(limit_s_min, gap_s * factor)
    END
$function$;

-- A day that somebody can mean; null for 9999-12-31 and its like, which say that there is none. As
-- stocktide.domain.told_day.
CREATE OR REPLACE FUNCTION told_day(day date)
 RETURNS date
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
    SELECT CASE WHEN day BETWEEN DATE '2000-01-01' AND DATE '2100-12-31' THEN day END
$function$;

-- average goods that came in one block into the cost of the stock that was there, and keep each step
CREATE OR REPLACE FUNCTION value_goods(goods jsonb, of_block bigint)
 RETURNS void
 LANGUAGE sql
AS $function$
    WITH costed AS (
        SELECT t.product_id, t.location_id, t.quantity_milli, t.on_hand_milli, t.occurred_at, t.number,
               coalesce(t.cost_micros, f.cost_micros) AS cost_micros,
               CASE WHEN t.cost_micros IS NULL THEN f.cost_currency ELSE t.currency END AS currency
        FROM ROWS FROM (jsonb_to_recordset(goods) AS (
            product_id int, location_id int, quantity_milli bigint, cost_micros bigint, currency text,
            from_location_id int, on_hand_milli bigint, occurred_at timestamptz)) WITH ORDINALITY
            AS t (product_id, location_id, quantity_milli, cost_micros, currency, from_location_id, on_hand_milli,
                  occurred_at, number)
        LEFT JOIN stock f ON f.product_id = t.product_id AND f.location_id = t.from_location_id
        WHERE coalesce(t.cost_micros, f.cost_micros) IS NOT NULL
    ),
    pair AS (
        SELECT s.product_id, s.location_id, s.cost_micros AS cost_before, s.on_hand_milli,
               coalesce(s.cost_currency,
                       (array_agg(c.currency ORDER BY c.number) FILTER (WHERE c.currency IS NOT NULL))[1]) AS currency
        FROM costed c
        JOIN stock s USING (product_id, location_id)
        GROUP BY s.product_id, s.location_id
    ),
    came AS (
        SELECT c.product_id, c.location_id, sum(c.quantity_milli)::bigint AS quantity_milli,
               min(c.on_hand_milli) AS on_hand_milli,
               round(sum(c.quantity_milli::numeric * c.cost_micros * r.rate) / sum(c.quantity_milli))::bigint
                   AS cost_micros
        FROM costed c
        JOIN pair p USING (product_id, location_id)
        CROSS JOIN LATERAL (SELECT rate_of_goods(c.currency, p.currency, c.occurred_at, c.location_id) AS rate) r
        WHERE r.rate IS NOT NULL
        GROUP BY c.product_id, c.location_id
    ),
    step AS (
        SELECT p.product_id, p.location_id, c.quantity_milli, c.cost_micros, p.cost_before, p.currency,
               greatest(0, coalesce(c.on_hand_milli, p.on_hand_milli) - c.quantity_milli) AS other_milli
        FROM came c
        JOIN pair p USING (product_id, location_id)
    ),
    kept AS (
        INSERT INTO valuations (product_id, location_id, other_milli, cost_before, came_milli, came_cost, cost_after,
                                block, currency)
        SELECT product_id, location_id, other_milli, cost_before, quantity_milli, cost_micros,
               moving_average(other_milli, cost_before, quantity_milli, cost_micros), of_block, currency
        FROM step
        ORDER BY product_id, location_id
        RETURNING product_id, location_id, cost_after, currency
    )
    UPDATE stock s
    SET cost_micros = k.cost_after, cost_currency = k.currency
    FROM kept k
    WHERE s.product_id = k.product_id AND s.location_id = k.location_id
$function$;
