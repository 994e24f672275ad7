-- A correction leaves everything as if its event had never been: what is a sum turns round by itself, and the rest is
-- folded again from the rows in force.

-- Counts, readings and prices are taken back as everything else is.
UPDATE event_kinds SET reversible = NOT corrects;

CREATE VIEW ledger_in_force AS
SELECT l.*
FROM ledger l
WHERE l.corrects IS NULL
  AND NOT EXISTS (SELECT FROM ledger c
                  WHERE c.product_id = l.product_id AND c.location_id = l.location_id
                    AND c.occurred_at = l.occurred_at AND c.leg = l.leg AND c.corrects = l.entry_id - l.leg);
COMMENT ON VIEW ledger_in_force IS 'The ledger without what was corrected and without the corrections. A correction stands at the time of the row that it reverses, so ledger_pair finds it.';

-- Views without a sum over corrected rows: both sides of a correction are in the sums, and are nothing together.
CREATE OR REPLACE VIEW stock_fold AS
WITH counted AS (
    SELECT DISTINCT ON (product_id, location_id) product_id, location_id, observed_milli, occurred_at
    FROM ledger_in_force
    WHERE is_stock_count(kind)
    ORDER BY product_id, location_id, occurred_at DESC, entry_id DESC
),
priced AS (
    SELECT DISTINCT ON (product_id, location_id) product_id, location_id, price_micros, currency,
           coalesce(promotion, false) AS promotion, occurred_at
    FROM ledger_in_force
    WHERE kind = ANY (ARRAY(SELECT kind FROM event_kinds WHERE sets_price))
    ORDER BY product_id, location_id, occurred_at DESC, entry_id DESC
),
sensed AS (
    SELECT DISTINCT ON (product_id, location_id) product_id, location_id, observed_milli, occurred_at
    FROM ledger_in_force
    WHERE kind = ANY (ARRAY(SELECT kind FROM event_kinds WHERE observes AND NOT is_count))
    ORDER BY product_id, location_id, occurred_at DESC, entry_id DESC
),
shown AS (
    -- an array is made once; a join, asked of every row, would cost half of the fold again
    SELECT product_id, location_id,
           bool_or(kind = ANY (ARRAY(SELECT kind FROM event_kinds WHERE shows_stock))) AS known,
           max(occurred_at) FILTER (WHERE quantity_milli < 0
               AND kind = ANY (ARRAY(SELECT kind FROM event_kinds WHERE daily = 'sold'))) AS last_sale_at
    FROM ledger_in_force
    GROUP BY product_id, location_id
),
moved AS (
    SELECT l.product_id, l.location_id, min(c.occurred_at) AS counted_at,
           (coalesce(min(c.observed_milli), 0)
            + coalesce(sum(l.quantity_milli) FILTER (
                  WHERE c.occurred_at IS NULL OR l.occurred_at > c.occurred_at), 0))::bigint AS on_hand_milli
    FROM ledger l
    LEFT JOIN counted c USING (product_id, location_id)
    GROUP BY l.product_id, l.location_id
)
SELECT m.product_id, m.location_id, m.on_hand_milli, m.counted_at, coalesce(w.known, false) AS known,
       w.last_sale_at, p.price_micros, p.currency, coalesce(p.promotion, false) AS promotion,
       p.occurred_at AS price_at, s.observed_milli AS sensed_milli, s.occurred_at AS sensed_at
FROM moved m
LEFT JOIN shown w USING (product_id, location_id)
LEFT JOIN priced p USING (product_id, location_id)
LEFT JOIN sensed s USING (product_id, location_id);

CREATE FUNCTION score_fold(half_life_s double precision)
    RETURNS TABLE (product_id integer, location_id integer, sales_score double precision, sales_score_at timestamptz)
    LANGUAGE sql STABLE AS $$
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
$$;
COMMENT ON FUNCTION score_fold IS 'the scores that stock must hold, from the ledger: units sold, each halved every half-life before the newest';

CREATE OR REPLACE VIEW commitment_fold AS
SELECT coalesce(k.opens, k.closes) AS purpose,
       CASE WHEN k.reference = 'order_id' THEN l.order_id ELSE l.reference END AS reference,
       l.product_id,
       l.location_id,
       coalesce(sum(l.committed_milli) FILTER (WHERE k.opens IS NOT NULL), 0)::bigint AS opened_milli,
       coalesce(sum(l.committed_milli) FILTER (WHERE k.closes IS NOT NULL), 0)::bigint AS closed_milli,
       (array_agg(f.expected_on ORDER BY f.entry_id DESC) FILTER (WHERE f.expected_on IS NOT NULL))[1] AS expected_on
FROM ledger l
JOIN event_kinds k USING (kind)
LEFT JOIN (SELECT product_id, location_id, entry_id, expected_on FROM ledger_in_force WHERE expected_on IS NOT NULL) f
       USING (product_id, location_id, entry_id)
WHERE l.committed_milli IS NOT NULL
GROUP BY 1, 2, 3, 4;

CREATE OR REPLACE VIEW lot_fold AS
SELECT l.product_id, l.location_id, l.lot, sum(l.quantity_milli)::bigint AS on_hand_milli,
       (array_agg(f.expires_on ORDER BY f.entry_id DESC) FILTER (WHERE f.expires_on IS NOT NULL))[1] AS expires_on
FROM ledger l
LEFT JOIN (SELECT product_id, location_id, entry_id, expires_on FROM ledger_in_force WHERE expires_on IS NOT NULL) f
       USING (product_id, location_id, entry_id)
WHERE l.lot IS NOT NULL AND l.quantity_milli <> 0
GROUP BY l.product_id, l.location_id, l.lot;

-- The average cost goes by the order of recording, which is that of blocks of entries: one a transaction.
CREATE FUNCTION block_of(entry_id bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT entry_id / 65536
$$;
COMMENT ON FUNCTION block_of IS 'the block of ledger_entries that an entry is from: of all entries that were appended together';

ALTER TABLE valuations ADD COLUMN block bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN valuations.block IS 'of the entries that it averages, see block_of';
UPDATE valuations v
SET block = coalesce((SELECT min(block_of(l.entry_id))
                      FROM ledger l
                      WHERE l.recorded_at = v.recorded_at AND l.product_id = v.product_id
                        AND l.location_id = v.location_id AND l.quantity_milli > 0 AND l.corrects IS NULL
                        AND (l.cost_micros IS NOT NULL OR l.leg = 1)), 0);
ALTER TABLE valuations ALTER COLUMN block DROP DEFAULT;

CREATE VIEW ledger_costed AS
SELECT l.product_id, l.location_id, block_of(l.entry_id) AS block, l.quantity_milli, l.cost_micros,
       CASE WHEN l.leg = 1 THEN (SELECT i.location_id FROM event_identities i
                                 WHERE i.source_id = l.source_id AND i.event_id = l.event_id) END AS from_location_id
FROM ledger_in_force l
WHERE l.quantity_milli > 0 AND (l.cost_micros IS NOT NULL OR l.leg = 1);
COMMENT ON VIEW ledger_costed IS 'Goods that came at their own cost, or at that of the place that they came from: what the average cost is made of.';

-- Stock has moved and the pairs are locked, so the other stock is what is there less what came; rows of the past say
-- themselves what was there.
CREATE FUNCTION value_goods(goods jsonb, of_block bigint) RETURNS void LANGUAGE sql AS $$
    WITH came AS (
        SELECT t.product_id, t.location_id, sum(t.quantity_milli)::bigint AS quantity_milli,
               min(t.on_hand_milli) AS on_hand_milli,
               round(sum(t.quantity_milli::numeric * coalesce(t.cost_micros, f.cost_micros))
                     / sum(t.quantity_milli))::bigint AS cost_micros
        FROM jsonb_to_recordset(goods) AS t (product_id int, location_id int, quantity_milli bigint,
                                             cost_micros bigint, from_location_id int, on_hand_milli bigint)
        LEFT JOIN stock f ON f.product_id = t.product_id AND f.location_id = t.from_location_id
        WHERE coalesce(t.cost_micros, f.cost_micros) IS NOT NULL
        GROUP BY t.product_id, t.location_id
    ),
    step AS (
        SELECT c.product_id, c.location_id, c.quantity_milli, c.cost_micros, s.cost_micros AS cost_before,
               greatest(0, coalesce(c.on_hand_milli, s.on_hand_milli) - c.quantity_milli) AS other_milli
        FROM came c
        JOIN stock s USING (product_id, location_id)
    ),
    kept AS (
        INSERT INTO valuations (product_id, location_id, other_milli, cost_before, came_milli, came_cost, cost_after,
                                block)
        SELECT product_id, location_id, other_milli, cost_before, quantity_milli, cost_micros,
               moving_average(other_milli, cost_before, quantity_milli, cost_micros), of_block
        FROM step
        ORDER BY product_id, location_id
        RETURNING product_id, location_id, cost_after
    )
    UPDATE stock s
    SET cost_micros = k.cost_after
    FROM kept k
    WHERE s.product_id = k.product_id AND s.location_id = k.location_id
$$;
COMMENT ON FUNCTION value_goods IS 'average goods that came in one block into the cost of the stock that was there, and keep each step';

CREATE FUNCTION refold_costs(of_product integer, since bigint) RETURNS void LANGUAGE plpgsql AS $$
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
    SET cost_micros = (SELECT v.cost_after FROM valuations v
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
        -- each step with the count that ruled when it was taken
        step AS (
            SELECT DISTINCT c.location_id, c.block, coalesce(n.observed_milli, 0) AS counted_milli,
                   coalesce(n.occurred_at, '-infinity') AS counted_at
            FROM costed c
            LEFT JOIN LATERAL (
                SELECT observed_milli, occurred_at
                FROM rows r
                WHERE r.counts AND r.location_id = c.location_id AND r.block <= c.block
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
        SELECT c.block, jsonb_agg(to_jsonb(c) || jsonb_build_object('on_hand_milli', s.counted_milli + m.moved_milli))
               AS goods
        FROM costed c
        JOIN step s USING (location_id, block)
        JOIN moved m USING (location_id, counted_at, block)
        GROUP BY c.block
        ORDER BY c.block
    LOOP
        PERFORM value_goods(came.goods, came.block);
    END LOOP;
END $$;
COMMENT ON FUNCTION refold_costs IS 'take the steps of a product''s average cost again, from a block of entries on, at all places: goods that move bring the cost of where they come from';

-- A copy names what it is a copy of: a lake that was made again is another one, whatever its watermark.
ALTER TABLE served_tables ADD COLUMN generation bigint NOT NULL DEFAULT 0, ADD COLUMN version bigint NOT NULL DEFAULT -1;
COMMENT ON COLUMN served_tables.generation IS 'of the lake that it is a copy of: when that was last made from the whole ledger';
COMMENT ON COLUMN served_tables.version IS 'of the lake''s table that it is a copy of';

COMMENT ON INDEX valuations_pair IS 'Serves etl/check/costs: the steps of a pair in order.';
COMMENT ON INDEX ledger_xid IS 'Serves etl/movements and etl/numbers: whole committed transactions, which lie together.';

GRANT SELECT ON ledger_in_force TO stocktide_reader;
