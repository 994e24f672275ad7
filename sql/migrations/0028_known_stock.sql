-- What is known of a pair's stock: one rule for whoever reads it.

CREATE FUNCTION known_stock(known boolean, on_hand_milli bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN known AND on_hand_milli >= 0 THEN on_hand_milli END
$$;
COMMENT ON FUNCTION known_stock IS 'stock on hand as far as it is known; null before the first receipt or count, and below zero: then goods were sold that never came';

-- Shelf-days: the population of the out-of-stock rate.
CREATE TABLE shelf_days (
    location_id integer NOT NULL,
    day         date NOT NULL,
    known       integer NOT NULL,
    empty       integer NOT NULL,
    CONSTRAINT shelf_days_pkey PRIMARY KEY (location_id, day)
);
COMMENT ON TABLE shelf_days IS 'Known shelves of each location and day, also of days without a movement and of the four weeks to come, if nothing moves in them.';
COMMENT ON COLUMN shelf_days.known IS 'products whose stock is known for a part of the day at least';
COMMENT ON COLUMN shelf_days.empty IS 'of these, out of stock for a time';
GRANT SELECT ON shelf_days TO stocktide_reader;
SELECT grant_to_part('stocktide_api', 'SELECT', ARRAY['shelf_days']);
SELECT grant_to_part('stocktide_worker', 'SELECT, INSERT, UPDATE, DELETE', ARRAY['shelf_days']);

-- A product in a location is a shelf on every day on which its stock is known: from its first receipt or count on, until
-- nothing has moved there for 28 days. A day without a movement is as the last one before it closed.
CREATE FUNCTION fold_shelf_days(place_ids integer[], since date)
RETURNS TABLE (location_id integer, day date, known integer, empty integer)
LANGUAGE sql STABLE AS $$
    WITH moved AS (
        SELECT d.location_id, d.day, (d.in_stock_share IS NOT NULL)::int AS known, d.censored::int AS empty,
               coalesce(d.on_hand_milli >= 0, false)::int AS known_after,
               coalesce(d.on_hand_milli = 0, false)::int AS empty_after,
               least(lead(d.day) OVER (PARTITION BY d.location_id, d.product_id ORDER BY d.day), d.day + 29) AS until
        FROM daily_demand d
        WHERE (place_ids IS NULL OR d.location_id = ANY (place_ids)) AND d.day >= since - 28
    ),
    -- what begins and what ends on a day: summed up, days without a row count too
    steps AS (
        SELECT m.location_id, s.day, sum(s.known) AS known, sum(s.empty) AS empty
        FROM moved m
        CROSS JOIN LATERAL (VALUES
            (m.day, m.known, m.empty),
            (m.day + 1, m.known_after - m.known, m.empty_after - m.empty),
            (m.until, -m.known_after, -m.empty_after)
        ) AS s (day, known, empty)
        GROUP BY m.location_id, s.day
    ),
    running AS (
        SELECT s.location_id, s.day, lead(s.day) OVER by_day AS until,
               sum(s.known) OVER by_day AS known, sum(s.empty) OVER by_day AS empty
        FROM steps s
        WINDOW by_day AS (PARTITION BY s.location_id ORDER BY s.day)
    )
    SELECT r.location_id, c.day::date, r.known::int, r.empty::int
    FROM running r
    CROSS JOIN LATERAL generate_series(greatest(r.day, since), r.until - 1, INTERVAL '1 day') AS c (day)
    WHERE r.known > 0
$$;
COMMENT ON FUNCTION fold_shelf_days IS 'Shelf-days of some locations (null: all) from a day on, as daily_demand says; serves etl/serve_shelf_days and the check of them.';
