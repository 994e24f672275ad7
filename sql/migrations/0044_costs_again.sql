-- Steps of average costs are taken again in time that grows with the rows of a product, not with their square: the count
-- that ruled at each step is looked for among counts alone.

CREATE OR REPLACE FUNCTION refold_costs(of_product integer, since bigint)
    RETURNS void LANGUAGE plpgsql AS $$
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
END $$;
