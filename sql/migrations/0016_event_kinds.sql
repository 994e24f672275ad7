-- Event kinds as data: what is decided by kind is joined, and no longer spelt out. The rows are those of
-- stocktide/domain/kinds.py; a test compares the two. Another kind is another row, by a migration of its own.

-- An index takes no subquery, and a query meets a partial index only by the same condition: `ledger_counts` serves
-- whoever asks for is_stock_count(kind), which is inlined. The table below refuses a row that contradicts it.
CREATE FUNCTION is_stock_count(kind text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT kind = 'stocktake'
$$;

CREATE TABLE event_kinds (
    kind        text COLLATE "C" PRIMARY KEY,
    sign        smallint NOT NULL CHECK (sign IN (-1, 0, 1)),
    second_sign smallint CHECK (second_sign IN (-1, 0, 1)),
    opens       text CHECK (opens IN ('on_order', 'in_transit', 'promised')),
    closes      text CHECK (closes IN ('on_order', 'in_transit', 'promised')),
    commit_leg  smallint CHECK (commit_leg IN (0, 1)),
    reference   text CHECK (reference IN ('order_id', 'reservation_id', 'transfer_id')),
    observes    boolean NOT NULL,
    is_count    boolean NOT NULL CHECK (is_count = is_stock_count(kind)),
    sets_price  boolean NOT NULL,
    shows_stock boolean NOT NULL,
    daily       text CHECK (daily IN ('sold', 'returned', 'received', 'adjusted')),
    scored      boolean NOT NULL,
    reversible  boolean NOT NULL,
    corrects    boolean NOT NULL,
    CHECK (num_nonnulls(opens, closes) = num_nonnulls(commit_leg)),
    CHECK (num_nonnulls(commit_leg) = num_nonnulls(reference)),
    CHECK (observes >= is_count)
);
COMMENT ON TABLE event_kinds IS 'what each kind of event does; twin of stocktide/domain/kinds.py, changed by migrations alone';
COMMENT ON COLUMN event_kinds.sign IS 'by which the quantity changes stock on hand at the event''s location; the row in the ledger has it already';
COMMENT ON COLUMN event_kinds.second_sign IS 'the same where the goods go to; null: there is no second row';
COMMENT ON COLUMN event_kinds.commit_leg IS 'the row that carries what is opened or closed';
COMMENT ON COLUMN event_kinds.reference IS 'field that names what is opened or closed: order_id is a column of the ledger, the others stand in its column reference';
COMMENT ON COLUMN event_kinds.observes IS 'the ledger keeps what was seen on the shelf';
COMMENT ON COLUMN event_kinds.is_count IS 'sets stock on hand to what was counted';
COMMENT ON COLUMN event_kinds.shows_stock IS 'from it on, the stock of its place is known';
COMMENT ON COLUMN event_kinds.daily IS 'column of daily_demand that counts the quantity';
COMMENT ON COLUMN event_kinds.corrects IS 'a correction; in the ledger its row has the kind of what it reverses';

INSERT INTO event_kinds VALUES
    -- kind, sign, second, opens, closes, commit_leg, reference, observes, is_count, sets_price, shows_stock, daily, scored, reversible, corrects
    ('sale', -1, NULL, NULL, 'promised', 0, 'reservation_id', false, false, false, false, 'sold', true, true, false),
    ('return', 1, NULL, NULL, NULL, NULL, NULL, false, false, false, false, 'returned', true, true, false),
    ('receipt', 1, NULL, NULL, 'on_order', 0, 'order_id', false, false, false, true, 'received', false, true, false),
    ('transfer', -1, 1, NULL, NULL, NULL, NULL, false, false, false, false, 'adjusted', false, true, false),
    ('dispatch', -1, 0, 'in_transit', NULL, 1, 'transfer_id', false, false, false, false, 'adjusted', false, true, false),
    ('arrival', 1, NULL, NULL, 'in_transit', 0, 'transfer_id', false, false, false, true, 'adjusted', false, true, false),
    ('order', 0, NULL, 'on_order', NULL, 0, 'order_id', false, false, false, false, NULL, false, true, false),
    ('reservation', 0, NULL, 'promised', NULL, 0, 'reservation_id', false, false, false, false, NULL, false, true, false),
    ('release', 0, NULL, NULL, 'promised', 0, 'reservation_id', false, false, false, false, NULL, false, true, false),
    ('adjustment', 1, NULL, NULL, NULL, NULL, NULL, false, false, false, false, 'adjusted', false, true, false),
    ('stocktake', 0, NULL, NULL, NULL, NULL, NULL, true, true, false, true, NULL, false, false, false),
    ('reading', 0, NULL, NULL, NULL, NULL, NULL, true, false, false, false, NULL, false, false, false),
    ('price', 0, NULL, NULL, NULL, NULL, NULL, false, false, true, false, NULL, false, false, false),
    ('correction', 0, NULL, NULL, NULL, NULL, NULL, false, false, false, false, NULL, false, false, true);
-- Without figures the planner takes a thousand kinds to be in there.
ANALYZE event_kinds;

CREATE OR REPLACE VIEW stock_fold AS
WITH counted AS (
    SELECT DISTINCT ON (product_id, location_id)
           product_id, location_id, observed_milli, occurred_at
    FROM ledger
    WHERE is_stock_count(kind)
    ORDER BY product_id, location_id, occurred_at DESC, entry_id DESC
)
SELECT l.product_id,
       l.location_id,
       (coalesce(min(c.observed_milli), 0)
        + coalesce(sum(l.quantity_milli) FILTER (
              WHERE c.occurred_at IS NULL OR l.occurred_at > c.occurred_at), 0))::bigint AS on_hand_milli,
       min(c.occurred_at) AS counted_at,
       -- an array is made once; a join, asked of every row, would cost half of the fold again
       bool_or(l.kind = ANY (ARRAY(SELECT kind FROM event_kinds WHERE shows_stock))) AS known
FROM ledger l
LEFT JOIN counted c USING (product_id, location_id)
GROUP BY l.product_id, l.location_id;

CREATE OR REPLACE VIEW commitment_fold AS
SELECT coalesce(k.opens, k.closes) AS purpose,
       CASE WHEN k.reference = 'order_id' THEN l.order_id ELSE l.reference END AS reference,
       l.product_id,
       l.location_id,
       coalesce(sum(l.committed_milli) FILTER (WHERE k.opens IS NOT NULL), 0)::bigint AS opened_milli,
       coalesce(sum(l.committed_milli) FILTER (WHERE k.closes IS NOT NULL), 0)::bigint AS closed_milli
FROM ledger l
JOIN event_kinds k USING (kind)
WHERE l.committed_milli IS NOT NULL
GROUP BY 1, 2, 3, 4;

GRANT SELECT ON event_kinds TO stocktide_reader;
