-- What each source sent of its last days, and how long it took: how much of a day has come is judged by it.

CREATE TABLE feed_days (
    source_id        integer NOT NULL REFERENCES sources,
    day              date NOT NULL,
    ends_at          timestamptz NOT NULL,
    events           bigint NOT NULL CHECK (events >= 0),
    arrived          bigint[] NOT NULL,
    last_recorded_at timestamptz NOT NULL,
    PRIMARY KEY (source_id, day)
);
COMMENT ON TABLE feed_days IS 'What each source sent of its last days, from the lake''s feeds_days.';
COMMENT ON COLUMN feed_days.ends_at IS 'when the day ended at the last of its locations';
COMMENT ON COLUMN feed_days.arrived IS 'events that had been recorded by so many hours after the end of the day: 0, 1, 3, 6, 12, 24, 48, 72, 168';
COMMENT ON INDEX feed_days_pkey IS 'Serves catalog/completeness: the days of each source.';
GRANT SELECT ON feed_days TO stocktide_reader;
SELECT grant_to_part('stocktide_api', 'SELECT', ARRAY['feed_days']);
SELECT grant_to_part('stocktide_worker', 'SELECT, INSERT, DELETE', ARRAY['feed_days']);
