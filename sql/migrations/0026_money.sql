-- Every amount has a currency, every sum a unit: totals of lines, days and costs by currency, and rates between them.

ALTER TABLE ledger ADD COLUMN line_total_micros bigint;
COMMENT ON COLUMN ledger.line_total_micros IS 'what was paid for the line, where that is not just quantity times price';
CREATE OR REPLACE VIEW ledger_in_force AS
SELECT l.*
FROM ledger l
WHERE l.corrects IS NULL
  AND NOT EXISTS (SELECT FROM ledger c
                  WHERE c.product_id = l.product_id AND c.location_id = l.location_id AND c.occurred_at = l.occurred_at
                    AND c.leg = l.leg AND c.corrects = l.entry_id - l.leg);

ALTER TABLE daily_demand
    ADD COLUMN currency text NOT NULL DEFAULT '',
    ADD COLUMN other_revenue jsonb;
COMMENT ON COLUMN daily_demand.currency IS 'of revenue and price: of the price list, else the one that brought most; empty: nobody named one';
COMMENT ON COLUMN daily_demand.other_revenue IS 'revenue in other currencies, millionths by currency; hardly any day has some';

-- Until the next ETL all of it counts as pieces, and its amounts name no currency, as before.
ALTER TABLE location_daily
    ADD COLUMN unit text NOT NULL DEFAULT 'each',
    ADD COLUMN currency text NOT NULL DEFAULT '',
    DROP CONSTRAINT location_daily_pkey,
    ADD PRIMARY KEY (location_id, day, unit, currency);
COMMENT ON COLUMN location_daily.unit IS 'of sold and returned, as the products name it';
COMMENT ON COLUMN location_daily.currency IS 'of revenue; empty: nobody named one';

CREATE TABLE currency_rates (
    base        text NOT NULL CHECK (base ~ '^[A-Z]{3}$'),
    quote       text NOT NULL CHECK (quote ~ '^[A-Z]{3}$' AND quote <> base),
    day         date NOT NULL,
    rate        numeric NOT NULL CHECK (rate > 0),
    recorded_at timestamptz NOT NULL DEFAULT now(),
    recorded_by text NOT NULL,
    PRIMARY KEY (base, quote, day)
);
COMMENT ON TABLE currency_rates IS 'What one unit of a currency is worth in another, from a day on until the next rate of the two.';
COMMENT ON INDEX currency_rates_pkey IS 'Serves direct_rate: the newest rate of two currencies up to a day';
CREATE INDEX currency_rates_quote ON currency_rates (quote, base, day);
COMMENT ON INDEX currency_rates_quote IS 'Serves rate_on: the currencies that a rate leads to, the other way round';
GRANT SELECT ON currency_rates TO stocktide_reader;
SELECT grant_to_part('stocktide_api', 'SELECT, INSERT, UPDATE, DELETE', ARRAY['currency_rates']);
SELECT grant_to_part('stocktide_worker', 'SELECT', ARRAY['currency_rates']);

CREATE FUNCTION direct_rate(from_currency text, to_currency text, at date)
RETURNS TABLE (day date, rate numeric) LANGUAGE sql STABLE AS $$
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
$$;
COMMENT ON FUNCTION direct_rate IS 'The newest rate of two currencies up to a day, whichever way round it was given, and its day.';

CREATE FUNCTION rate_on(from_currency text, to_currency text, at date) RETURNS numeric LANGUAGE sql STABLE AS $$
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
$$;
COMMENT ON FUNCTION rate_on IS 'What one unit of a currency was worth in another on a day: by the newest rate until then, either way round, else by way of a third currency; NULL where none is known.';

ALTER TABLE stock ADD COLUMN cost_currency text;
COMMENT ON COLUMN stock.cost_currency IS 'of the average cost: that of the first goods that named one';
ALTER TABLE valuations ADD COLUMN currency text;
COMMENT ON COLUMN valuations.currency IS 'of the costs; goods in another one came at the rate of their day, and without a rate not into the average';
CREATE INDEX ledger_costs ON ledger (occurred_at, product_id) WHERE cost_micros IS NOT NULL OR leg = 1;
COMMENT ON INDEX ledger_costs IS 'Serves ingest/rates/refold: goods that came at a cost since a day.';

CREATE OR REPLACE VIEW ledger_costed AS
SELECT l.product_id, l.location_id, block_of(l.entry_id) AS block, l.quantity_milli, l.cost_micros,
       CASE WHEN l.leg = 1 THEN (SELECT i.location_id FROM event_identities i
                                 WHERE i.source_id = l.source_id AND i.event_id = l.event_id) END AS from_location_id,
       l.currency, l.occurred_at, l.entry_id
FROM ledger_in_force l
WHERE l.quantity_milli > 0 AND (l.cost_micros IS NOT NULL OR l.leg = 1);

CREATE FUNCTION rate_of_goods(goods_currency text, pair_currency text, at timestamptz, at_location integer)
RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN goods_currency IS NULL OR pair_currency IS NULL OR goods_currency = pair_currency THEN 1
                ELSE rate_on(goods_currency, pair_currency,
                             (at AT TIME ZONE (SELECT timezone FROM locations WHERE location_id = at_location))::date) END
$$;
COMMENT ON FUNCTION rate_of_goods IS 'The rate at which goods come into the average cost of a pair, of their business day; a cost that names no currency is in that of the others. NULL: no rate is known.';

-- Stock has moved and the pairs are locked, so the other stock is what is there less what came; rows of the past say
-- themselves what was there.
CREATE OR REPLACE FUNCTION value_goods(goods jsonb, of_block bigint) RETURNS void LANGUAGE sql AS $$
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
$$;

CREATE OR REPLACE FUNCTION refold_costs(of_product integer, since bigint) RETURNS void LANGUAGE plpgsql AS $$
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
END $$;

CREATE VIEW costs_without_rate AS
SELECT c.product_id, c.location_id, c.currency, s.cost_currency, min(c.occurred_at) AS first_at, count(*) AS goods
FROM (SELECT l.product_id, l.location_id, l.occurred_at,
             CASE WHEN l.cost_micros IS NULL THEN f.cost_currency ELSE l.currency END AS currency
      FROM ledger_costed l
      LEFT JOIN stock f ON f.product_id = l.product_id AND f.location_id = l.from_location_id) c
JOIN stock s USING (product_id, location_id)
WHERE c.currency <> s.cost_currency
  AND rate_of_goods(c.currency, s.cost_currency, c.occurred_at, c.location_id) IS NULL
GROUP BY c.product_id, c.location_id, c.currency, s.cost_currency;
COMMENT ON VIEW costs_without_rate IS 'Goods whose cost is not in the average, since no rate from its currency to that of the average was known for their day.';
GRANT SELECT ON costs_without_rate TO stocktide_reader;
SELECT grant_to_part(part, 'SELECT', ARRAY['costs_without_rate'])
FROM unnest(ARRAY['stocktide_api', 'stocktide_worker']) AS part;

CREATE OR REPLACE VIEW stock_position AS
SELECT s.product_id,
       s.location_id,
       s.on_hand_milli,
       coalesce(c.on_order_milli, 0) AS on_order_milli,
       coalesce(c.in_transit_milli, 0) AS in_transit_milli,
       coalesce(c.promised_milli, 0) AS promised_milli,
       s.on_hand_milli - coalesce(c.promised_milli, 0) AS available_milli,
       s.cost_micros,
       round(s.cost_micros::numeric * s.on_hand_milli / 1000) AS value_micros,
       s.cost_currency
FROM stock s
LEFT JOIN LATERAL (
    SELECT sum(opened_milli - closed_milli) FILTER (WHERE purpose = 'on_order')::bigint AS on_order_milli,
           sum(opened_milli - closed_milli) FILTER (WHERE purpose = 'in_transit')::bigint AS in_transit_milli,
           sum(opened_milli - closed_milli) FILTER (WHERE purpose = 'promised')::bigint AS promised_milli
    FROM commitments
    WHERE product_id = s.product_id AND location_id = s.location_id AND opened_milli > closed_milli
) c ON true;

-- Averages of goods that named a currency are taken again, each in its own.
SELECT count(refold_costs(product_id, -1))
FROM (SELECT DISTINCT product_id FROM ledger WHERE cost_micros IS NOT NULL AND currency IS NOT NULL) named;
