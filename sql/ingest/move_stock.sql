-- Move stock by a batch's effects, one row a pair, in the order of pairs: everybody locks in this one order.
-- Where something happened before the pair's newest count, adding up would be wrong: such pairs come back, and are
-- folded from the ledger; or all of it is refused, where nobody waits to fold them. The pairs are written down for the
-- rules of alerts, too. Binds: $1 products, $2 locations, $3 moved, $4 moved_from, $5 known, $6 score, $7 scored_at,
-- $8 sold_at, $9 half-life in seconds, $10 the products' ids as text, for the caches, which hear of it at commit,
-- $11 whether pairs are refused that would come back.
WITH moved AS (
    INSERT INTO stock AS s (product_id, location_id, on_hand_milli, moved_from, known, sales_score, sales_score_at,
                            last_sale_at)
    SELECT * FROM unnest($1::int[], $2::int[], $3::bigint[], $4::timestamptz[], $5::boolean[], $6::float8[],
                         $7::timestamptz[], $8::timestamptz[])
    ON CONFLICT (product_id, location_id) DO UPDATE
    SET on_hand_milli = CASE WHEN s.counted_at >= excluded.moved_from THEN s.on_hand_milli
                             ELSE s.on_hand_milli + excluded.on_hand_milli END,
        moved_from = excluded.moved_from,
        known = s.known OR excluded.known,
        sales_score = faded(s.sales_score, s.sales_score_at, excluded.sales_score_at, $9)
                      + faded(excluded.sales_score, excluded.sales_score_at, s.sales_score_at, $9),
        sales_score_at = greatest(s.sales_score_at, excluded.sales_score_at),
        last_sale_at = greatest(s.last_sale_at, excluded.last_sale_at),
        updated_at = now()
    RETURNING product_id, location_id, counted_at >= moved_from AS late
),
outbox AS (
    INSERT INTO stock_changes (product_ids, location_ids) VALUES ($1, $2)
),
told AS (
    SELECT pg_notify('stock_changed', $10)
)
SELECT product_id, location_id FROM moved WHERE late AND (NOT $11 OR refuse_late())
UNION ALL
SELECT NULL, NULL FROM told
