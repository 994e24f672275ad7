-- Claim identities that nobody has claimed yet, and tell how many those were. They come ordered, so that two batches
-- with the same events wait in line instead of in a ring. Binds: $1 sources, $2 events, $3 entries, $4 products,
-- $5 locations, $6 times.
WITH claimed AS (
    INSERT INTO event_identities (source_id, event_id, entry_id, product_id, location_id, occurred_at)
    SELECT * FROM unnest($1::int[], $2::text[], $3::bigint[], $4::int[], $5::int[], $6::timestamptz[])
    ON CONFLICT (source_id, event_id) DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM claimed
