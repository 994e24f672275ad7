-- The forecast that people act on: the published one with the overrides in force, in one place for all who read it.

ALTER TABLE adjusted_forecasts ADD COLUMN ends date[];
COMMENT ON COLUMN adjusted_forecasts.ends IS 'last days of the periods';
UPDATE adjusted_forecasts a
SET ends = (SELECT array_agg(f.ds ORDER BY f.ds) FROM forecasts f
            WHERE f.forecast_run_id = a.forecast_run_id AND f.node_id = a.node_id);
ALTER TABLE adjusted_forecasts ALTER COLUMN ends SET NOT NULL;

CREATE VIEW forecasts_in_force AS
SELECT f.forecast_run_id, f.node_id, f.ds, coalesce(a.yhat[k.at], f.yhat) AS yhat, f.yhat AS published,
       a.node_id IS NOT NULL AS is_adjusted,
       f.q025 * coalesce(a.factor[k.at], 1) + coalesce(a.added[k.at][1], 0) AS q025,
       f.q10 * coalesce(a.factor[k.at], 1) + coalesce(a.added[k.at][2], 0) AS q10,
       f.q20 * coalesce(a.factor[k.at], 1) + coalesce(a.added[k.at][3], 0) AS q20,
       f.q25 * coalesce(a.factor[k.at], 1) + coalesce(a.added[k.at][4], 0) AS q25,
       f.q30 * coalesce(a.factor[k.at], 1) + coalesce(a.added[k.at][5], 0) AS q30,
       f.q40 * coalesce(a.factor[k.at], 1) + coalesce(a.added[k.at][6], 0) AS q40,
       f.q50 * coalesce(a.factor[k.at], 1) + coalesce(a.added[k.at][7], 0) AS q50,
       f.q60 * coalesce(a.factor[k.at], 1) + coalesce(a.added[k.at][8], 0) AS q60,
       f.q70 * coalesce(a.factor[k.at], 1) + coalesce(a.added[k.at][9], 0) AS q70,
       f.q75 * coalesce(a.factor[k.at], 1) + coalesce(a.added[k.at][10], 0) AS q75,
       f.q80 * coalesce(a.factor[k.at], 1) + coalesce(a.added[k.at][11], 0) AS q80,
       f.q90 * coalesce(a.factor[k.at], 1) + coalesce(a.added[k.at][12], 0) AS q90,
       f.q975 * coalesce(a.factor[k.at], 1) + coalesce(a.added[k.at][13], 0) AS q975
FROM published_forecast p
JOIN forecasts f USING (forecast_run_id)
LEFT JOIN adjusted_forecasts a USING (forecast_run_id, node_id)
CROSS JOIN LATERAL (SELECT array_position(a.ends, f.ds) AS at) k;
COMMENT ON VIEW forecasts_in_force IS 'The published forecast with the overrides in force, by item and period: what is shown and acted on. published: its mean without them; is_adjusted: some override reaches the item. What models and versions are judged by is read from forecasts.';
GRANT SELECT ON forecasts_in_force TO stocktide_reader;
SELECT grant_to_part('stocktide_api', 'SELECT', ARRAY['forecasts_in_force']);
SELECT grant_to_part('stocktide_worker', 'SELECT', ARRAY['forecasts_in_force']);

-- Rules by which lines of the order desk are approved without a person, kept as the other terms are.
CREATE TABLE approval_rules (
    term_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    term          text COLLATE "C" NOT NULL,
    content_hash  text NOT NULL,
    supplier      text COLLATE "C",
    product       text COLLATE "C" REFERENCES products (sku),
    category      text,
    department    text,
    location      text COLLATE "C" REFERENCES locations (code),
    region        text,
    country       text,
    abc           text CHECK (abc IN ('A', 'B', 'C')),
    approve       boolean NOT NULL,
    amount_micros bigint CHECK (amount_micros > 0),
    factor        double precision CHECK (factor > 0),
    change        double precision CHECK (change > 0),
    known_since   timestamptz NOT NULL DEFAULT now(),
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    recorded_by   text NOT NULL,
    withdrawn_at  timestamptz CHECK (withdrawn_at >= known_since),
    withdrawn_by  text,
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CHECK (NOT approve OR amount_micros IS NOT NULL)
);
COMMENT ON TABLE approval_rules IS 'Which lines of the order desk need no person. Never overwritten, as calendar_events.';
COMMENT ON COLUMN approval_rules.term IS 'follows from what the row is about';
COMMENT ON COLUMN approval_rules.abc IS 'class by sales; null: any';
COMMENT ON COLUMN approval_rules.approve IS 'false: people approve what the row is about, whatever wider rows say';
COMMENT ON COLUMN approval_rules.amount_micros IS 'what a line may cost, in the chain''s currency';
COMMENT ON COLUMN approval_rules.factor IS 'how many times what is usually ordered a line may be; null: any';
COMMENT ON COLUMN approval_rules.change IS 'share by which the forecast may differ from the one before; null: any';
CREATE UNIQUE INDEX approval_rules_in_force ON approval_rules (term) WHERE withdrawn_at IS NULL;
COMMENT ON INDEX approval_rules_in_force IS 'One row of a term is in force. Serves the ON CONFLICT of ingest/versions/put.';
CREATE TRIGGER approval_rules_stay BEFORE UPDATE OR DELETE ON approval_rules
    FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();
GRANT SELECT ON approval_rules TO stocktide_reader;
SELECT grant_to_part('stocktide_api', 'SELECT, INSERT, UPDATE', ARRAY['approval_rules']);
SELECT grant_to_part('stocktide_worker', 'SELECT', ARRAY['approval_rules']);

CREATE INDEX commitments_ordered ON commitments (product_id, location_id, updated_at DESC)
    WHERE purpose = 'on_order' AND opened_milli > 0;
COMMENT ON INDEX commitments_ordered IS 'Serves purchasing/desk/rule_candidates: the last orders of a pair.';
