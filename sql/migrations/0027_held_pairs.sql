-- Pairs of a product and a place that make a query of the ETL fail: kept apart, so that all others go on.

CREATE TABLE held_pairs (
    product_id  int NOT NULL REFERENCES products,
    location_id int NOT NULL REFERENCES locations,
    stage       text NOT NULL CHECK (stage IN ('movements', 'daily_demand', 'served')),
    error       text NOT NULL,
    xid_from    bigint NOT NULL,
    tries       int NOT NULL DEFAULT 1,
    held_at     timestamptz NOT NULL DEFAULT now(),
    tried_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (product_id, location_id)
);
COMMENT ON TABLE held_pairs IS 'Products at places that the ETL cannot bring on: each run tries them again, and what works is let go. Their figures stand where they stood.';
COMMENT ON COLUMN held_pairs.stage IS 'what failed: movements (rows of the ledger to the lake), daily_demand (days from movements), served (the copy that pages read)';
COMMENT ON COLUMN held_pairs.xid_from IS 'what the pair has from this transaction on is missing in the stage that failed';
COMMENT ON COLUMN held_pairs.tries IS 'runs that found that it fails by itself';
COMMENT ON INDEX held_pairs_pkey IS 'Serves etl/hold_pairs, etl/held_pairs, catalog/held_pairs';
GRANT SELECT ON held_pairs TO stocktide_reader;
SELECT grant_to_part('stocktide_worker', 'SELECT, INSERT, UPDATE, DELETE', ARRAY['held_pairs']);
SELECT grant_to_part('stocktide_api', 'SELECT', ARRAY['held_pairs']);

-- One place of a zone that the database does not know must not stop what is asked of all places.
CREATE FUNCTION local_date(at timestamptz, timezone text) RETURNS date LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (at AT TIME ZONE timezone)::date;
EXCEPTION
    WHEN invalid_parameter_value THEN RETURN (at AT TIME ZONE 'UTC')::date;
END $$;
COMMENT ON FUNCTION local_date IS 'The day of an instant in a time zone; in UTC where the database does not know the zone, as of an old row.';

-- What the evaluation of alerts failed on: noted, so that everything else is judged.
CREATE TABLE alert_faults (
    subject     text PRIMARY KEY,
    product_id  int REFERENCES products,
    location_id int REFERENCES locations,
    error       text NOT NULL,
    times       int NOT NULL DEFAULT 1,
    first_at    timestamptz NOT NULL DEFAULT now(),
    last_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE alert_faults IS 'Pairs, feeds and steps that the evaluation of alerts failed on: they are not judged, all others are. Each is tried again every hour, and goes when it works.';
COMMENT ON COLUMN alert_faults.subject IS 'product and location ids as in alerts, a feed after "feed ", or the step of the evaluator';
COMMENT ON INDEX alert_faults_pkey IS 'Serves alerts/note_faults';
GRANT SELECT ON alert_faults TO stocktide_reader;
SELECT grant_to_part('stocktide_worker', 'SELECT, INSERT, UPDATE, DELETE', ARRAY['alert_faults']);
SELECT grant_to_part('stocktide_api', 'SELECT', ARRAY['alert_faults']);
SELECT grant_to_part('stocktide_worker', 'INSERT', ARRAY['stock_changes']);
