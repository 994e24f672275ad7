-- Alerts, their deliveries and webhooks; scopes and limits of keys. Only adds: an older version goes on reading and
-- writing what it knows. Values and limits of alerts are bigint thousandths: of the product's unit for stock, of a
-- second for a silent feed, of one for a share.

-- What a key may send, how fast and until when. NULL is no limit.
ALTER TABLE access_keys
    ADD COLUMN kinds          text[] CHECK (cardinality(kinds) > 0),
    ADD COLUMN locations      text[] CHECK (cardinality(locations) > 0),
    ADD COLUMN rate           double precision CHECK (rate > 0),
    ADD COLUMN expires_at     timestamptz,
    ADD COLUMN expect_every_s integer CHECK (expect_every_s > 0);
COMMENT ON COLUMN access_keys.rate IS 'events a second, of each API process';
COMMENT ON COLUMN access_keys.expect_every_s IS 'a longer silence of its feed is an alert; NULL: learned from feed_minutes';

CREATE TABLE reorder_points (
    product_id          integer NOT NULL REFERENCES products,
    location_id         integer NOT NULL REFERENCES locations,
    reorder_point_milli bigint NOT NULL CHECK (reorder_point_milli >= 0),
    updated_by          text NOT NULL,
    updated_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (product_id, location_id)
);

-- One row from opening to closing. value and limit are those of the opening; last_value moves while it is open.
CREATE TABLE alerts (
    alert_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule             text NOT NULL CHECK (rule IN ('out_of_stock', 'below_reorder_point', 'negative_balance',
                                                   'sensor_disagrees', 'silent_feed', 'reject_storm')),
    product_id       integer REFERENCES products,
    location_id      integer REFERENCES locations,
    feed             text,
    subject          text NOT NULL
                     GENERATED ALWAYS AS (coalesce(feed, product_id::text || '/' || location_id::text)) STORED,
    value_milli      bigint NOT NULL,
    limit_milli      bigint NOT NULL,
    last_value_milli bigint NOT NULL,
    last_value_at    timestamptz NOT NULL DEFAULT now(),
    opened_at        timestamptz NOT NULL DEFAULT now(),
    closed_at        timestamptz,
    acknowledged_at  timestamptz,
    acknowledged_by  text,
    silenced_until   timestamptz,
    reason           text,
    announced        boolean NOT NULL DEFAULT true,
    CHECK ((feed IS NULL) = (product_id IS NOT NULL AND location_id IS NOT NULL))
) WITH (fillfactor = 80);
COMMENT ON COLUMN alerts.reason IS 'why it was acknowledged or silenced, the newest';
COMMENT ON COLUMN alerts.announced IS 'its opening went to webhooks: false if a silence for its subject held then';
-- At most one open alert of a rule and subject; serves the look-up of open ones.
CREATE UNIQUE INDEX alerts_one_open ON alerts (rule, subject) WHERE closed_at IS NULL;
-- Serves the silence that a new alert inherits from the one before it.
CREATE INDEX alerts_silenced ON alerts (rule, subject) WHERE silenced_until IS NOT NULL;
-- Serve the lists of one product or place.
CREATE INDEX alerts_product ON alerts (product_id, alert_id);
CREATE INDEX alerts_location ON alerts (location_id, alert_id);

-- What happened to alerts, in the order in which it was committed: writers queue on one advisory lock, so that a
-- reader who has seen event_id n has seen everything up to n. Append-only.
CREATE TABLE alert_events (
    event_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id    bigint NOT NULL REFERENCES alerts,
    change      text NOT NULL CHECK (change IN ('opened', 'closed', 'acknowledged', 'silenced')),
    value_milli bigint NOT NULL,
    limit_milli bigint NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    by          text,
    reason      text
);
-- Serves the history of one alert.
CREATE INDEX alert_events_alert ON alert_events (alert_id, event_id);

CREATE FUNCTION refuse_alert_history_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history of alerts is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER alert_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON alert_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_alert_history_change();

-- Who is told. The secret stands here in the clear, because signing needs it; no route shows it again.
CREATE TABLE webhooks (
    webhook_id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name             text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 100),
    url              text NOT NULL CHECK (length(url) <= 2000),
    secret           bytea NOT NULL,
    old_secret       bytea,
    old_secret_until timestamptz,
    rules            text[] CHECK (cardinality(rules) > 0),
    location_ids     integer[] CHECK (cardinality(location_ids) > 0),
    active           boolean NOT NULL DEFAULT true,
    note             text,
    created_by       text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN webhooks.note IS 'why it was switched off, where we did it';

-- The outbox: written in the transaction of the alert's change, sent after it, kept when it could not be sent.
CREATE TABLE deliveries (
    delivery_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id   integer NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    event_id     bigint NOT NULL REFERENCES alert_events,
    alert_id     bigint NOT NULL,
    line         text NOT NULL,
    state        text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts     integer NOT NULL DEFAULT 0,
    next_at      timestamptz NOT NULL DEFAULT now(),
    created_at   timestamptz NOT NULL DEFAULT now(),
    ended_at     timestamptz,
    last_status  integer,
    last_error   text
);
COMMENT ON COLUMN deliveries.line IS 'rule and subject: what stands in one line is sent in order';
-- Serve the sender: what is due, and whether something before it in its line still waits.
CREATE INDEX deliveries_due ON deliveries (webhook_id, next_at) WHERE state = 'waiting';
CREATE INDEX deliveries_before ON deliveries (webhook_id, line, delivery_id) WHERE state = 'waiting';
-- Serves the list of one webhook's deliveries, and its deletion.
CREATE INDEX deliveries_webhook ON deliveries (webhook_id, delivery_id);
-- Serves the clearing away of old ones.
CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE state <> 'waiting';

-- How long a feed is silent when all is well, learned from feed_minutes once an hour.
CREATE TABLE feed_rhythms (
    feed         text PRIMARY KEY,
    gap_milli    bigint NOT NULL,
    first_minute timestamptz NOT NULL,
    learned_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN feed_rhythms.gap_milli IS 'the second longest silence of the last 28 days, thousandths of a second';

-- The limits that all pairs were judged with: others than these, or none, and the evaluator judges everything once.
CREATE TABLE alert_limits (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    limits   jsonb NOT NULL,
    since    timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT ON reorder_points, alerts, alert_events, deliveries, feed_rhythms TO stocktide_reader;
GRANT SELECT (webhook_id, name, url, rules, location_ids, active, note, created_by, created_at, updated_at) ON webhooks
    TO stocktide_reader;
