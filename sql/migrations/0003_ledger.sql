-- The ledger in partitions, identity apart, and what events may say more: lots, costs, references, corrections.

ALTER TABLE products ADD COLUMN packs jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(packs) = 'object');
COMMENT ON COLUMN products.packs IS 'units of the product in one pack, by the pack''s name: {"case": 12}';

-- Identity of every event, for ever. It cannot stand in the ledger itself: a unique key of a table in partitions
-- holds the partition's key, and then the same event could come again in another month.
CREATE TABLE event_identities (
    source_id   integer NOT NULL,
    event_id    text COLLATE "C" NOT NULL,
    entry_id    bigint NOT NULL,
    product_id  integer NOT NULL,
    location_id integer NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE event_identities IS
    'where the ledger row of leg 0 stands: recorded_at names its partition, product, location and occurred_at find it by '
    'ledger_pair, so that no index of the ledger''s own must be kept for it';

-- Every flush takes one number and counts its rows up from it: order of entries is order of flushes, without a
-- call a row. 2^63 / 2^16 flushes are more than will ever be made.
CREATE SEQUENCE ledger_entries INCREMENT BY 65536;

ALTER TABLE ledger RENAME TO ledger_before;
DROP VIEW stock_fold;
DROP INDEX ledger_pair, ledger_xid;
CREATE TABLE ledger (
    entry_id        bigint NOT NULL,
    source_id       integer NOT NULL,
    event_id        text COLLATE "C" NOT NULL,
    leg             smallint NOT NULL DEFAULT 0,
    kind            text COLLATE "C" NOT NULL,
    product_id      integer NOT NULL,
    location_id     integer NOT NULL,
    to_location_id  integer,
    quantity_milli  bigint NOT NULL,
    observed_milli  bigint,
    price_micros    bigint,
    currency        text,
    promotion       boolean,
    order_id        text,
    order_line      integer,
    customer_id     text,
    channel         text,
    reason          text,
    counterparty    text,
    occurred_at     timestamptz NOT NULL,
    committed_milli bigint,
    reference       text,
    cost_micros     bigint,
    lot             text,
    expires_on      date,
    expected_on     date,
    corrects        bigint,
    attributes      jsonb,
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    xid             xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CHECK ((kind IN ('stocktake', 'reading')) = (observed_milli IS NOT NULL)),
    CHECK (observed_milli IS NULL OR quantity_milli = 0)
) PARTITION BY RANGE (recorded_at);
COMMENT ON TABLE ledger IS
    'append-only; no foreign keys, for they cost a third of an insert: products, locations and sources refuse deletion '
    'instead, and `stocktide check` looks';
COMMENT ON COLUMN ledger.counterparty IS 'supplier of a receipt, device of a reading';
COMMENT ON COLUMN ledger.committed_milli IS
    'what an order, a reservation or a dispatch promises (opens or, with a receipt, a sale or an arrival, closes)';
COMMENT ON COLUMN ledger.reference IS 'reservation or transfer that the row belongs to; of orders it is order_id';
COMMENT ON COLUMN ledger.corrects IS 'entry that this row reverses';

-- One partition a month of recording; the default one takes what comes when nobody made the month's.
CREATE TABLE ledger_other PARTITION OF ledger DEFAULT;
-- Serves the fold of one pair (stock as of a moment, refold after a stocktake) and a product's movement list.
CREATE INDEX ledger_pair ON ledger (product_id, location_id, occurred_at);
-- Serves the newest count of a pair.
CREATE INDEX ledger_counts ON ledger (product_id, location_id, occurred_at DESC, entry_id DESC)
    WHERE kind = 'stocktake';
-- Serves the ETL, which reads whole committed transactions; they lie together, so a block range index is enough.
CREATE INDEX ledger_xid ON ledger USING brin ((xid::text::bigint), recorded_at) WITH (pages_per_range = 32, autosummarize = on);

CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- The same for whoever names a partition.
CREATE TRIGGER ledger_rows_stay BEFORE UPDATE OR DELETE ON ledger
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_other_no_truncate BEFORE TRUNCATE ON ledger_other
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION ensure_ledger_partitions(first_day date, months integer) RETURNS void LANGUAGE plpgsql AS $$
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
END $$;

SELECT ensure_ledger_partitions(
    coalesce((SELECT min(recorded_at) FROM ledger_before), now())::date,
    3 + (12 * (extract(year FROM now()) - extract(year FROM coalesce((SELECT min(recorded_at) FROM ledger_before), now())))
       + extract(month FROM now()) - extract(month FROM coalesce((SELECT min(recorded_at) FROM ledger_before), now())))::int);

INSERT INTO ledger (entry_id, source_id, event_id, leg, kind, product_id, location_id, to_location_id, quantity_milli, observed_milli,
                    price_micros, currency, promotion, order_id, order_line, customer_id, channel, reason, counterparty,
                    occurred_at, recorded_at, xid)
SELECT l.entry_id, l.source_id, l.event_id, l.leg, l.kind, l.product_id, l.location_id, arrived.location_id,
       l.quantity_milli, l.observed_milli, l.price_micros, l.currency, l.promotion, l.order_id, l.order_line,
       l.customer_id, l.channel, l.reason, l.counterparty, l.occurred_at, l.recorded_at, l.xid
FROM ledger_before l
LEFT JOIN ledger_before arrived
    ON l.leg = 0 AND arrived.leg = 1 AND arrived.source_id = l.source_id AND arrived.event_id = l.event_id
ORDER BY l.entry_id;
INSERT INTO event_identities (source_id, event_id, entry_id, product_id, location_id, occurred_at, recorded_at)
SELECT source_id, event_id, entry_id, product_id, location_id, occurred_at, recorded_at
FROM ledger_before
WHERE leg = 0
ORDER BY source_id, event_id;
SELECT setval('ledger_entries', (coalesce((SELECT max(entry_id) FROM ledger_before), 0) / 65536 + 1) * 65536);
DROP TABLE ledger_before;
-- Exactly once: an event is claimed here in the transaction that writes its rows.
CREATE UNIQUE INDEX event_identity ON event_identities (source_id, event_id);

CREATE TRIGGER identities_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event_identities
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION refuse_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never deleted: the ledger names them', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER products_stay BEFORE DELETE OR TRUNCATE ON products
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_deletion();
CREATE TRIGGER locations_stay BEFORE DELETE OR TRUNCATE ON locations
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_deletion();
CREATE TRIGGER sources_stay BEFORE DELETE OR TRUNCATE ON sources
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_deletion();

-- Each event is corrected at most once.
CREATE TABLE corrections (
    corrected_entry_id bigint PRIMARY KEY,
    source_id          integer NOT NULL,
    event_id           text COLLATE "C" NOT NULL,
    recorded_at        timestamptz NOT NULL DEFAULT now()
);

-- As with the ledger's: asked a pair, they cost a fifth of the upsert, and what they refer to refuses deletion.
ALTER TABLE stock DROP CONSTRAINT stock_product_id_fkey, DROP CONSTRAINT stock_location_id_fkey;
ALTER TABLE stock
    ADD COLUMN moved_from timestamptz,
    ADD COLUMN cost_micros bigint;
COMMENT ON COLUMN stock.moved_from IS
    'earliest event time of the last transaction that moved it: not after counted_at, it has to be folded anew';
COMMENT ON COLUMN stock.cost_micros IS 'moving average cost of one unit, in the order of recording';

-- A decayed count as it stands at the newer of two instants: it halves every half-life from its own to the other one.
CREATE FUNCTION faded(score double precision, at timestamptz, other timestamptz, half_life_s double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN at IS NULL THEN 0
                WHEN other IS NULL OR other <= at THEN score
                -- beyond 1000 halvings nothing is left of any
                ELSE score * power(2.0::float8, greatest(-1000, -date_part('epoch', other - at) / half_life_s)) END
$$;

-- Undo a statement that added up what happened before a count; the caller then takes the way that folds.
CREATE FUNCTION refuse_late() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a movement from before the newest count' USING ERRCODE = 'ST001';
END $$;

-- Each step of the moving average, so that it can be proved: cost_after is the mean of the other stock at cost_before
-- and what came at its own cost.
CREATE TABLE valuations (
    valuation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id   integer NOT NULL,
    location_id  integer NOT NULL,
    other_milli  bigint NOT NULL,
    cost_before  bigint,
    came_milli   bigint NOT NULL,
    came_cost    bigint NOT NULL,
    cost_after   bigint NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX valuations_pair ON valuations (product_id, location_id, valuation_id);

CREATE FUNCTION moving_average(other_milli bigint, cost_before bigint, came_milli bigint, came_cost bigint)
RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN cost_before IS NULL THEN came_cost
                ELSE round((other_milli::numeric * cost_before + came_milli::numeric * came_cost)
                           / (other_milli + came_milli))::bigint END
$$;

-- What is promised under a reference: opened less closed, never below nothing. Sums, so that order does not matter.
CREATE TABLE commitments (
    purpose      text COLLATE "C" NOT NULL CHECK (purpose IN ('on_order', 'in_transit', 'promised')),
    reference    text COLLATE "C" NOT NULL,
    product_id   integer NOT NULL,
    location_id  integer NOT NULL,
    opened_milli bigint NOT NULL DEFAULT 0,
    closed_milli bigint NOT NULL DEFAULT 0,
    expected_on  date,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (purpose, reference, product_id, location_id)
);
-- Serves what a pair has open.
CREATE INDEX commitments_open ON commitments (product_id, location_id) WHERE opened_milli > closed_milli;

-- Stock by lot, as far as events name lots.
CREATE TABLE lots (
    product_id    integer NOT NULL,
    location_id   integer NOT NULL,
    lot           text COLLATE "C" NOT NULL,
    on_hand_milli bigint NOT NULL DEFAULT 0,
    expires_on    date,
    PRIMARY KEY (product_id, location_id, lot)
);

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
       bool_or(l.kind IN ('stocktake', 'receipt', 'arrival')) AS known
FROM ledger l
LEFT JOIN counted c USING (product_id, location_id)
GROUP BY l.product_id, l.location_id;

CREATE VIEW commitment_fold AS
SELECT CASE WHEN kind IN ('order', 'receipt') THEN 'on_order'
            WHEN kind IN ('dispatch', 'arrival') THEN 'in_transit'
            ELSE 'promised' END AS purpose,
       CASE WHEN kind IN ('order', 'receipt') THEN order_id ELSE reference END AS reference,
       product_id,
       location_id,
       coalesce(sum(committed_milli) FILTER (WHERE kind IN ('order', 'dispatch', 'reservation')), 0)::bigint
           AS opened_milli,
       coalesce(sum(committed_milli) FILTER (WHERE kind NOT IN ('order', 'dispatch', 'reservation')), 0)::bigint
           AS closed_milli
FROM ledger
WHERE committed_milli IS NOT NULL
GROUP BY 1, 2, 3, 4;

CREATE VIEW lot_fold AS
SELECT product_id, location_id, lot, sum(quantity_milli)::bigint AS on_hand_milli
FROM ledger
-- the second row of a dispatch names the lot and moves nothing: it is elsewhere only when it has arrived
WHERE lot IS NOT NULL AND quantity_milli <> 0
GROUP BY product_id, location_id, lot;

-- What one can count on: on hand, less what is promised; what is on its way; what it is worth.
CREATE VIEW stock_position AS
SELECT s.product_id,
       s.location_id,
       s.on_hand_milli,
       coalesce(c.on_order_milli, 0) AS on_order_milli,
       coalesce(c.in_transit_milli, 0) AS in_transit_milli,
       coalesce(c.promised_milli, 0) AS promised_milli,
       s.on_hand_milli - coalesce(c.promised_milli, 0) AS available_milli,
       s.cost_micros,
       (s.cost_micros::numeric * s.on_hand_milli / 1000)::bigint AS value_micros
FROM stock s
LEFT JOIN LATERAL (
    SELECT sum(opened_milli - closed_milli) FILTER (WHERE purpose = 'on_order')::bigint AS on_order_milli,
           sum(opened_milli - closed_milli) FILTER (WHERE purpose = 'in_transit')::bigint AS in_transit_milli,
           sum(opened_milli - closed_milli) FILTER (WHERE purpose = 'promised')::bigint AS promised_milli
    FROM commitments
    WHERE product_id = s.product_id AND location_id = s.location_id AND opened_milli > closed_milli
) c ON true;

-- Which stock rows a ledger transaction changed: written in that transaction, eaten by the alert evaluator.
CREATE TABLE stock_changes (
    change_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_ids  integer[] NOT NULL,
    location_ids integer[] NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE stock_changes IS 'outbox of the ledger: pairs in parallel arrays, the same pair may repeat; rows are deleted once their rules are evaluated';

GRANT SELECT ON ledger, event_identities, corrections, valuations, commitments, lots, stock_position, stock_changes
    TO stocktide_reader;
