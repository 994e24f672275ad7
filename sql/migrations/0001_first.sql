-- The first schema. Quantities are bigint thousandths of the product's unit (quantity_milli), money is
-- bigint millionths of the currency unit (price_micros): exact, and summed without rounding.

-- What is sold, and where. Surrogate keys keep the ledger narrow.
CREATE TABLE products (
    product_id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku          text COLLATE "C" NOT NULL UNIQUE CHECK (length(sku) BETWEEN 1 AND 100),
    name         text,
    department   text,
    category     text,
    unit         text NOT NULL DEFAULT 'each',
    price_micros bigint CHECK (price_micros >= 0),
    currency     text CHECK (currency ~ '^[A-Z]{3}$'),
    attributes   jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE locations (
    location_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code        text COLLATE "C" NOT NULL UNIQUE CHECK (length(code) BETWEEN 1 AND 100),
    name        text,
    region      text,
    country     text,
    timezone    text NOT NULL DEFAULT 'UTC',
    attributes  jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- A key per feed, per reader. The key itself is 256 random bits and never stored: only its SHA-256 is.
CREATE TABLE access_keys (
    key_id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL UNIQUE,
    scope        text NOT NULL CHECK (scope IN ('ingest', 'read', 'operate')),
    key_hash     bytea NOT NULL UNIQUE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    revoked_at   timestamptz
);

-- People who sign in to the dashboard; argon2id hashes.
CREATE TABLE users (
    user_id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username      text NOT NULL UNIQUE CHECK (username ~ '^[a-z0-9._@-]{1,64}$'),
    role          text NOT NULL CHECK (role IN ('viewer', 'planner', 'operator')),
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz
);

-- CloudEvents sources: with the event's id they are its identity.
CREATE TABLE sources (
    source_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source    text COLLATE "C" NOT NULL UNIQUE CHECK (length(source) BETWEEN 1 AND 500)
);

-- The ledger: identity and movement in one row, so that an event is claimed by the very row that it writes.
-- A transfer writes two legs (0 leaves, 1 arrives). Stocktakes, readings and prices move nothing
-- (quantity_milli 0); what they say stands in observed_milli and price_micros. Append-only: a trigger says so.
CREATE TABLE ledger (
    entry_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id      integer NOT NULL REFERENCES sources,
    event_id       text COLLATE "C" NOT NULL,
    leg            smallint NOT NULL DEFAULT 0 CHECK (leg IN (0, 1)),
    payload_hash   uuid NOT NULL,
    kind           text COLLATE "C" NOT NULL CHECK (kind IN (
                       'sale', 'return', 'receipt', 'transfer', 'adjustment', 'stocktake', 'reading', 'price')),
    product_id     integer NOT NULL REFERENCES products,
    location_id    integer NOT NULL REFERENCES locations,
    quantity_milli bigint NOT NULL,
    observed_milli bigint,
    price_micros   bigint,
    currency       text,
    promotion      boolean,
    order_id       text,
    order_line     integer,
    customer_id    text,
    channel        text,
    reason         text,
    counterparty   text,
    occurred_at    timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL DEFAULT now(),
    xid            xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CHECK ((kind IN ('stocktake', 'reading')) = (observed_milli IS NOT NULL)),
    CHECK (kind NOT IN ('stocktake', 'reading', 'price') OR quantity_milli = 0)
);
COMMENT ON COLUMN ledger.counterparty IS 'supplier of a receipt, device of a reading';
-- Exactly once: serves the ON CONFLICT of ingest/append and the look-up of duplicates.
CREATE UNIQUE INDEX ledger_identity ON ledger (source_id, event_id, leg);
-- Serves the fold of one pair (stock as of a moment, refold after a stocktake) and a product's movement list.
CREATE INDEX ledger_pair ON ledger (product_id, location_id, occurred_at);
-- Serves the ETL, which reads whole committed transactions.
CREATE INDEX ledger_xid ON ledger (xid);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % refused; record a correcting event instead', TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Stock level of each product x location: the newest stocktake plus every movement after it.
-- sales_score is the exponentially decayed number of units sold, as of sales_score_at (see catalog/trending).
CREATE TABLE stock (
    product_id     integer NOT NULL REFERENCES products,
    location_id    integer NOT NULL REFERENCES locations,
    on_hand_milli  bigint NOT NULL DEFAULT 0,
    counted_at     timestamptz,
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
    PRIMARY KEY (product_id, location_id)
) WITH (fillfactor = 70);
COMMENT ON COLUMN stock.known IS 'a receipt or a stocktake was ever seen: without one, on hand is only minus what was sold';

-- The fold that stock must equal, always: `stocktide check` compares the two.
CREATE VIEW stock_fold AS
WITH counted AS (
    SELECT DISTINCT ON (product_id, location_id)
           product_id, location_id, observed_milli, occurred_at
    FROM ledger
    WHERE kind = 'stocktake'
    ORDER BY product_id, location_id, occurred_at DESC, entry_id DESC
)
SELECT l.product_id,
       l.location_id,
       (coalesce(min(c.observed_milli), 0)
        + coalesce(sum(l.quantity_milli) FILTER (
              WHERE c.occurred_at IS NULL OR l.occurred_at > c.occurred_at), 0))::bigint AS on_hand_milli,
       min(c.occurred_at) AS counted_at,
       bool_or(l.kind IN ('stocktake', 'receipt')) AS known
FROM ledger l
LEFT JOIN counted c USING (product_id, location_id)
GROUP BY l.product_id, l.location_id;

-- Input that could not be recorded, as it came. The same bytes with the same reason are one row, counted.
CREATE TABLE rejects (
    reject_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    feed          text NOT NULL,
    reason        text NOT NULL,
    field         text,
    message       text NOT NULL,
    source        text,
    event_id      text,
    content_type  text NOT NULL,
    raw           bytea NOT NULL,
    raw_hash      bytea NOT NULL,
    times_seen    integer NOT NULL DEFAULT 1,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (raw_hash, reason, feed)
);

-- One row per feed and minute: what the System page and `status` show without reading the ledger.
CREATE TABLE feed_minutes (
    feed      text NOT NULL,
    minute    timestamptz NOT NULL,
    accepted  integer NOT NULL DEFAULT 0,
    duplicate integer NOT NULL DEFAULT 0,
    conflict  integer NOT NULL DEFAULT 0,
    rejected  integer NOT NULL DEFAULT 0,
    newest_occurred_at timestamptz,
    PRIMARY KEY (feed, minute)
);

-- Every run of a job (etl, forecast, import): what happened, how long it took, what went wrong.
CREATE TABLE runs (
    run_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job         text NOT NULL,
    status      text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'succeeded', 'failed')),
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    error       text,
    detail      jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX runs_job ON runs (job, run_id DESC);

-- The lake's daily_demand, kept beside the ledger for reading: one row per product x location x day with activity.
CREATE TABLE daily_demand (
    product_id      integer NOT NULL,
    location_id     integer NOT NULL,
    day             date NOT NULL,
    sold_milli      bigint NOT NULL,
    returned_milli  bigint NOT NULL,
    revenue_micros  bigint NOT NULL,
    orders          integer NOT NULL,
    price_micros    bigint,
    received_milli  bigint NOT NULL,
    adjusted_milli  bigint NOT NULL,
    promotion       boolean NOT NULL,
    on_hand_milli   bigint,
    in_stock_share  double precision,
    censored        boolean NOT NULL,
    PRIMARY KEY (product_id, location_id, day)
);
COMMENT ON COLUMN daily_demand.revenue_micros IS 'sales less returns, at the prices of the lines';
COMMENT ON COLUMN daily_demand.censored IS 'out of stock for part of the day: what was sold is less than what was wanted';
-- Serves the roll-up below and the overview of a period.
CREATE INDEX daily_demand_day ON daily_demand (day, location_id);

-- Roll-up of daily_demand by shop and day: what the overview charts read.
CREATE TABLE location_daily (
    location_id    integer NOT NULL,
    day            date NOT NULL,
    sold_milli     bigint NOT NULL,
    returned_milli bigint NOT NULL,
    revenue_micros bigint NOT NULL,
    orders         integer NOT NULL,
    out_of_stock   integer NOT NULL,
    active         integer NOT NULL,
    PRIMARY KEY (location_id, day)
);
COMMENT ON COLUMN location_daily.out_of_stock IS 'pairs whose row of the day is censored; active: pairs with a row';

-- How far the ETL has come, for display; the lake's own commit log is what it resumes from.
CREATE TABLE lake_versions (
    table_name  text PRIMARY KEY,
    version     bigint NOT NULL,
    xid_before  xid8 NOT NULL,
    rows_total  bigint NOT NULL,
    recorded_through timestamptz,
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- Forecasts. A run's rows are written whole, then published_forecast points at it: readers never see half a run.
CREATE TABLE forecast_runs (
    forecast_run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id          bigint REFERENCES runs,
    created_at      timestamptz NOT NULL DEFAULT now(),
    cutoff          date NOT NULL,
    horizon_days    integer NOT NULL,
    method          text NOT NULL,
    lake_version    bigint NOT NULL,
    hierarchy       jsonb NOT NULL,
    mlflow_run_id   text,
    detail          jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON COLUMN forecast_runs.cutoff IS 'last day that the models saw';

CREATE TABLE forecast_nodes (
    forecast_run_id bigint NOT NULL REFERENCES forecast_runs ON DELETE CASCADE,
    node_id         integer NOT NULL,
    level           smallint NOT NULL,
    level_name      text NOT NULL,
    unique_id       text NOT NULL,
    label           text NOT NULL,
    parent_id       integer,
    keys            jsonb NOT NULL,
    warning         text,
    PRIMARY KEY (forecast_run_id, node_id)
);
-- Serves walking down the hierarchy, and finding a product's nodes by key.
CREATE INDEX forecast_nodes_parent ON forecast_nodes (forecast_run_id, parent_id);
CREATE INDEX forecast_nodes_keys ON forecast_nodes USING gin (keys jsonb_path_ops);

CREATE TABLE forecasts (
    forecast_run_id bigint NOT NULL REFERENCES forecast_runs ON DELETE CASCADE,
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
    PRIMARY KEY (forecast_run_id, node_id, ds)
);

CREATE TABLE forecast_actuals (
    forecast_run_id bigint NOT NULL REFERENCES forecast_runs ON DELETE CASCADE,
    node_id         integer NOT NULL,
    ds              date NOT NULL,
    y               double precision NOT NULL,
    PRIMARY KEY (forecast_run_id, node_id, ds)
);

CREATE TABLE forecast_errors (
    forecast_run_id bigint NOT NULL REFERENCES forecast_runs ON DELETE CASCADE,
    level           smallint NOT NULL,
    level_name      text NOT NULL,
    model           text NOT NULL,
    metric          text NOT NULL,
    value           double precision,
    PRIMARY KEY (forecast_run_id, level, model, metric)
);

CREATE TABLE published_forecast (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    forecast_run_id bigint NOT NULL REFERENCES forecast_runs,
    published_at    timestamptz NOT NULL DEFAULT now()
);

-- The dashboard's role: reads what pages show, and nothing that signs anybody in.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'stocktide_reader') THEN
        CREATE ROLE stocktide_reader NOLOGIN;
    END IF;
EXCEPTION
    -- Two databases of one server may be migrated at once; a managed server may have made the role for us.
    WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
GRANT USAGE ON SCHEMA public TO stocktide_reader;
GRANT SELECT ON products, locations, sources, ledger, stock, rejects, feed_minutes, runs, daily_demand, location_daily,
    lake_versions, forecast_runs, forecast_nodes, forecasts, forecast_actuals, forecast_errors, published_forecast
    TO stocktide_reader;
