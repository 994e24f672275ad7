-- Append new plain sales and returns: their identities and their rows, numbered in the order in which they come (two a
-- place, as in the general way). It is all or nothing: a repeat is a unique violation, which undoes it, and the events go
-- the general way. Identities are claimed in the order of that way, too. Binds: $1 sources, $2 events, $3 products,
-- $4 locations, $5 quantities, $6 times, $7 kinds, $8 prices, $9 currencies, $10 orders, $11 order lines, $12 customers,
-- $13 channels.
WITH incoming AS (
    SELECT source_id, event_id, block.first_entry + 2 * (place - 1) AS entry_id, kind, product_id, location_id,
           quantity_milli, occurred_at, price_micros, currency, order_id, order_line, customer_id, channel
    FROM (SELECT nextval('ledger_entries') AS first_entry) AS block,
         unnest($1::int[], $2::text[], $3::int[], $4::int[], $5::bigint[], $6::timestamptz[], $7::text[], $8::bigint[],
                $9::text[], $10::text[], $11::int[], $12::text[], $13::text[]) WITH ORDINALITY
             AS t (source_id, event_id, product_id, location_id, quantity_milli, occurred_at, kind, price_micros,
                   currency, order_id, order_line, customer_id, channel, place)
),
claimed AS (
    INSERT INTO event_identities (source_id, event_id, entry_id, product_id, location_id, occurred_at)
    SELECT source_id, event_id, entry_id, product_id, location_id, occurred_at FROM incoming
    ORDER BY source_id, event_id COLLATE "C"
)
INSERT INTO ledger (entry_id, source_id, event_id, kind, product_id, location_id, quantity_milli, occurred_at,
                    price_micros, currency, order_id, order_line, customer_id, channel)
SELECT entry_id, source_id, event_id, kind, product_id, location_id, quantity_milli, occurred_at, price_micros, currency,
       order_id, order_line, customer_id, channel
FROM incoming
