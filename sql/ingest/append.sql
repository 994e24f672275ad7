-- Append a batch of distinct events, each once, and move the stock of the pairs that the new ones touch.
-- The pairs are locked already (lock_stock). Returns the identities that were new.
-- Rows go in ordered by identity, so that two batches with the same events wait in line instead of in a ring.
-- Within a batch, entry_id therefore follows the identity: of two counts of one instant the greater id rules.
WITH incoming AS (
    SELECT *
    FROM unnest(
        CAST(:source_id AS int[]), CAST(:event_id AS text[]), CAST(:payload_hash AS uuid[]), CAST(:kind AS text[]),
        CAST(:product_id AS int[]), CAST(:location_id AS int[]), CAST(:to_location_id AS int[]),
        CAST(:quantity_milli AS bigint[]), CAST(:observed_milli AS bigint[]), CAST(:price_micros AS bigint[]),
        CAST(:currency AS text[]), CAST(:promotion AS boolean[]), CAST(:order_id AS text[]),
        CAST(:order_line AS int[]), CAST(:customer_id AS text[]), CAST(:channel AS text[]), CAST(:reason AS text[]),
        CAST(:counterparty AS text[]), CAST(:occurred_at AS timestamptz[])
    ) AS t (source_id, event_id, payload_hash, kind, product_id, location_id, to_location_id, quantity_milli,
            observed_milli, price_micros, currency, promotion, order_id, order_line, customer_id, channel, reason,
            counterparty, occurred_at)
),
first_leg AS (
    INSERT INTO ledger (source_id, event_id, leg, payload_hash, kind, product_id, location_id, quantity_milli,
                        observed_milli, price_micros, currency, promotion, order_id, order_line, customer_id, channel,
                        reason, counterparty, occurred_at)
    SELECT source_id, event_id, 0, payload_hash, kind, product_id, location_id, quantity_milli, observed_milli,
           price_micros, currency, promotion, order_id, order_line, customer_id, channel, reason, counterparty,
           occurred_at
    FROM incoming
    ORDER BY source_id, event_id
    ON CONFLICT (source_id, event_id, leg) DO NOTHING
    RETURNING source_id, event_id, kind, product_id, location_id, quantity_milli, observed_milli, price_micros,
              currency, promotion, occurred_at
),
-- The arriving leg of a transfer whose leaving leg is new: never one without the other.
second_leg AS (
    INSERT INTO ledger (source_id, event_id, leg, payload_hash, kind, product_id, location_id, quantity_milli,
                        occurred_at)
    SELECT i.source_id, i.event_id, 1, i.payload_hash, i.kind, i.product_id, i.to_location_id, -i.quantity_milli,
           i.occurred_at
    FROM incoming i
    JOIN first_leg f USING (source_id, event_id)
    WHERE i.kind = 'transfer'
    RETURNING product_id, location_id, quantity_milli, occurred_at
),
written AS (
    SELECT kind, product_id, location_id, quantity_milli, observed_milli, price_micros, currency, promotion,
           occurred_at, event_id
    FROM first_leg
    UNION ALL
    SELECT 'transfer', product_id, location_id, quantity_milli, NULL, NULL, NULL, NULL, occurred_at, NULL
    FROM second_leg
),
dated AS (
    SELECT w.*, s.counted_at,
           max(w.occurred_at) FILTER (WHERE w.kind IN ('sale', 'return'))
               OVER (PARTITION BY w.product_id, w.location_id) AS newest_scored
    FROM written w
    JOIN stock s USING (product_id, location_id)
),
effect AS (
    SELECT product_id, location_id,
           -- what happened before the newest stocktake is in that count already
           coalesce(sum(quantity_milli) FILTER (WHERE counted_at IS NULL OR occurred_at > counted_at), 0) AS moved,
           bool_or(kind IN ('receipt', 'stocktake')) AS known,
           max(occurred_at) FILTER (WHERE kind = 'sale') AS newest_sale,
           max(newest_scored) AS newest_scored,
           -- forward decay: each sale halves every half-life before the newest, what comes back counts against it, so
           -- that a cancelled order leaves nothing; beyond 1000 halvings nothing is left of any
           sum(quantity_milli / -1000.0::float8
               * power(2.0::float8, greatest(-1000, -extract(epoch FROM newest_scored - occurred_at)::float8
                                                     / :half_life_s)))
               FILTER (WHERE kind IN ('sale', 'return')) AS sales_score,
           (array_agg(price_micros ORDER BY occurred_at DESC, event_id DESC) FILTER (WHERE kind = 'price'))[1]
               AS price_micros,
           (array_agg(currency ORDER BY occurred_at DESC, event_id DESC) FILTER (WHERE kind = 'price'))[1] AS currency,
           (array_agg(promotion ORDER BY occurred_at DESC, event_id DESC) FILTER (WHERE kind = 'price'))[1]
               AS promotion,
           max(occurred_at) FILTER (WHERE kind = 'price') AS price_at,
           (array_agg(observed_milli ORDER BY occurred_at DESC, event_id DESC) FILTER (WHERE kind = 'reading'))[1]
               AS sensed_milli,
           max(occurred_at) FILTER (WHERE kind = 'reading') AS sensed_at
    FROM dated
    GROUP BY product_id, location_id
),
moved AS (
    UPDATE stock s
    SET on_hand_milli = s.on_hand_milli + e.moved,
        known = s.known OR e.known,
        sales_score = CASE
            WHEN e.newest_scored IS NULL THEN s.sales_score
            WHEN s.sales_score_at IS NULL THEN e.sales_score
            ELSE s.sales_score * power(2.0::float8, greatest(-1000, -extract(
                     epoch FROM greatest(s.sales_score_at, e.newest_scored) - s.sales_score_at)::float8 / :half_life_s))
               + e.sales_score * power(2.0::float8, greatest(-1000, -extract(
                     epoch FROM greatest(s.sales_score_at, e.newest_scored) - e.newest_scored)::float8 / :half_life_s))
        END,
        sales_score_at = greatest(s.sales_score_at, e.newest_scored),
        last_sale_at = greatest(s.last_sale_at, e.newest_sale),
        price_micros = CASE WHEN e.price_at >= coalesce(s.price_at, '-infinity') THEN e.price_micros
                            ELSE s.price_micros END,
        currency = CASE WHEN e.price_at >= coalesce(s.price_at, '-infinity') THEN e.currency ELSE s.currency END,
        promotion = CASE WHEN e.price_at >= coalesce(s.price_at, '-infinity') THEN e.promotion
                         ELSE s.promotion END,
        price_at = greatest(s.price_at, e.price_at),
        sensed_milli = CASE WHEN e.sensed_at >= coalesce(s.sensed_at, '-infinity') THEN e.sensed_milli
                            ELSE s.sensed_milli END,
        sensed_at = greatest(s.sensed_at, e.sensed_at),
        updated_at = now()
    FROM effect e
    WHERE s.product_id = e.product_id AND s.location_id = e.location_id
)
SELECT source_id, event_id FROM first_leg
