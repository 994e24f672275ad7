-- Take a block of entries and claim identities that nobody has claimed yet; tell the block's first entry and how many
-- were claimed. They come ordered, so that two batches with the same events wait in line instead of in a ring.
-- Binds: $1 sources, $2 events, $3 places in the block, $4 products, $5 locations, $6 times.
WITH block AS (
    SELECT nextval('ledger_entries') AS first_entry
),
claimed AS (
    INSERT INTO event_identities (source_id, event_id, entry_id, product_id, location_id, occurred_at)
    SELECT source_id, event_id, first_entry + place, product_id, location_id, occurred_at
    FROM block, unnest($1::int[], $2::text[], $3::bigint[], $4::int[], $5::int[], $6::timestamptz[])
        AS t (source_id, event_id, place, product_id, location_id, occurred_at)
    ON CONFLICT (source_id, event_id) DO NOTHING
    RETURNING 1
)
SELECT first_entry, (SELECT count(*) FROM claimed) FROM block
