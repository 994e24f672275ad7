-- How much a location can put away on a day.

CREATE TABLE receiving_limits (
    term_id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    term              text COLLATE "C" NOT NULL,
    content_hash      text NOT NULL,
    location          text COLLATE "C" NOT NULL REFERENCES locations (code),
    units_a_day_milli bigint NOT NULL CHECK (units_a_day_milli > 0),
    known_since       timestamptz NOT NULL DEFAULT now(),
    recorded_at       timestamptz NOT NULL DEFAULT now(),
    recorded_by       text NOT NULL,
    withdrawn_at      timestamptz CHECK (withdrawn_at >= known_since),
    withdrawn_by      text,
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
COMMENT ON TABLE receiving_limits IS 'How much a location can put away on a day. Never overwritten, as calendar_events.';
COMMENT ON COLUMN receiving_limits.term IS 'follows from what the row is about';
COMMENT ON COLUMN receiving_limits.units_a_day_milli IS 'of all goods together';
CREATE UNIQUE INDEX receiving_limits_in_force ON receiving_limits (term) WHERE withdrawn_at IS NULL;
COMMENT ON INDEX receiving_limits_in_force IS 'One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.';
CREATE TRIGGER receiving_limits_stay BEFORE UPDATE OR DELETE ON receiving_limits
    FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();

GRANT SELECT ON receiving_limits TO stocktide_reader;
SELECT grant_to_part('stocktide_api', 'SELECT, INSERT, UPDATE', ARRAY['receiving_limits']);
SELECT grant_to_part('stocktide_worker', 'SELECT', ARRAY['receiving_limits']);
