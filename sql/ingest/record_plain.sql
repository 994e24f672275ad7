-- Record new plain sales and returns with all that belongs to them, in one statement that commits by itself. It is all
-- or nothing: a repeat (unique violation), or something from before a count (see refuse_late), undoes it, and the events
-- go the general way. The parts wait for each other so that locks are taken in the order of that way: identities, pairs,
-- feeds. Binds: of events, ordered by identity: $1 sources, $2 events, $3 kinds, $4 products, $5 locations, $6 quantities,
-- $7 times, $8 prices, $9 currencies, $10 orders, $11 order lines, $12 customers, $13 channels; of pairs, in their order:
-- $14 products, $15 locations, $16 moved, $17 moved_from, $18 known, $19 score, $20 scored_at, $21 sold_at; $22 half-life
-- in seconds, $23 the products' ids as text, $24 counts of feeds; $25 places of the events in the order in which they
-- came, which numbers their entries (two a place, as in the general way).
WITH incoming AS (
    SELECT source_id, event_id, nextval_of.first_entry + 2 * place AS entry_id, kind, product_id, location_id,
           quantity_milli, occurred_at, price_micros, currency, order_id, order_line, customer_id, channel
    FROM (SELECT nextval('ledger_entries') AS first_entry) AS nextval_of,
         unnest($1::int[], $2::text[], $3::text[], $4::int[], $5::int[], $6::bigint[], $7::timestamptz[], $8::bigint[],
                $9::text[], $10::text[], $11::int[], $12::text[], $13::text[], $25::int[])
             AS t (source_id, event_id, kind, product_id, location_id, quantity_milli, occurred_at, price_micros,
                   currency, order_id, order_line, customer_id, channel, place)
),
claimed AS (
    INSERT INTO event_identities (source_id, event_id, entry_id, product_id, location_id, occurred_at)
    SELECT source_id, event_id, entry_id, product_id, location_id, occurred_at FROM incoming
    RETURNING entry_id
),
written AS (
    INSERT INTO ledger (entry_id, source_id, event_id, kind, product_id, location_id, quantity_milli, occurred_at,
                        price_micros, currency, order_id, order_line, customer_id, channel)
    SELECT entry_id, source_id, event_id, kind, product_id, location_id, quantity_milli, occurred_at, price_micros,
           currency, order_id, order_line, customer_id, channel
    FROM incoming
),
moved AS (
    INSERT INTO stock AS s (product_id, location_id, on_hand_milli, moved_from, known, sales_score, sales_score_at,
                            last_sale_at)
    SELECT t.*
    FROM unnest($14::int[], $15::int[], $16::bigint[], $17::timestamptz[], $18::boolean[], $19::float8[],
                $20::timestamptz[], $21::timestamptz[]) AS t
    WHERE (SELECT count(*) FROM claimed) > 0
    ON CONFLICT (product_id, location_id) DO UPDATE
    SET on_hand_milli = s.on_hand_milli + excluded.on_hand_milli,
        moved_from = excluded.moved_from,
        known = s.known OR excluded.known,
        sales_score = faded(s.sales_score, s.sales_score_at, excluded.sales_score_at, $22)
                      + faded(excluded.sales_score, excluded.sales_score_at, s.sales_score_at, $22),
        sales_score_at = greatest(s.sales_score_at, excluded.sales_score_at),
        last_sale_at = greatest(s.last_sale_at, excluded.last_sale_at),
        updated_at = now()
    RETURNING counted_at >= moved_from AS late
),
outbox AS (
    INSERT INTO stock_changes (product_ids, location_ids) VALUES ($14, $15)
),
counted AS (
    INSERT INTO feed_minutes AS f (feed, minute, accepted, newest_occurred_at)
    SELECT feed, date_trunc('minute', now()), accepted, newest_occurred_at
    FROM jsonb_to_recordset($24::jsonb) AS t (feed text, accepted int, newest_occurred_at timestamptz)
    WHERE (SELECT count(*) FROM moved) > 0
    ORDER BY feed
    ON CONFLICT (feed, minute) DO UPDATE
    SET accepted = f.accepted + excluded.accepted,
        newest_occurred_at = greatest(f.newest_occurred_at, excluded.newest_occurred_at)
)
SELECT pg_notify('stock_changed', $23), CASE WHEN (SELECT bool_or(late) FROM moved) THEN refuse_late() END
