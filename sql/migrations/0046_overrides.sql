-- What planners know better: overrides of the published forecast, the forecast with them, and what came of each.

CREATE TABLE forecast_overrides (
    override_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    override     text COLLATE "C" NOT NULL CHECK (length(override) BETWEEN 1 AND 100),
    content_hash text NOT NULL,
    product      text COLLATE "C" REFERENCES products (sku),
    department   text,
    category     text,
    location     text COLLATE "C" REFERENCES locations (code),
    region       text,
    country      text,
    change       text NOT NULL CHECK (change IN ('set', 'add', 'percent')),
    value        double precision NOT NULL,
    starts_on    date NOT NULL,
    ends_on      date NOT NULL CHECK (ends_on >= starts_on),
    reason       text NOT NULL,
    note         text,
    expires_on   date,
    known_since  timestamptz NOT NULL DEFAULT now(),
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    recorded_by  text NOT NULL,
    withdrawn_at timestamptz CHECK (withdrawn_at >= known_since),
    withdrawn_by text,
    CHECK (change <> 'set' OR value >= 0),
    CHECK (change <> 'percent' OR value >= -100),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
COMMENT ON TABLE forecast_overrides IS 'What planners changed of forecasts. Never overwritten, as calendar_events; the published forecast stays as it is.';
COMMENT ON COLUMN forecast_overrides.override_id IS 'overrides apply in this order';
COMMENT ON COLUMN forecast_overrides.override IS 'the sender''s id, or one that follows from the content';
COMMENT ON COLUMN forecast_overrides.product IS 'with the five columns after it: what it is for; null does not limit it';
COMMENT ON COLUMN forecast_overrides.change IS 'set: units from starts_on to ends_on in all; add: units more or fewer; percent: more or less';
COMMENT ON COLUMN forecast_overrides.expires_on IS 'the last day on which it counts; null: until it is withdrawn';
CREATE UNIQUE INDEX forecast_overrides_in_force ON forecast_overrides (override) WHERE withdrawn_at IS NULL;
COMMENT ON INDEX forecast_overrides_in_force IS 'One row of an override is in force. Serves the ON CONFLICT of ingest/versions/put.';
CREATE TRIGGER forecast_overrides_stay BEFORE UPDATE OR DELETE ON forecast_overrides
    FOR EACH ROW EXECUTE FUNCTION refuse_plan_change();

CREATE TABLE adjusted_forecasts (
    forecast_run_id bigint NOT NULL REFERENCES forecast_runs ON DELETE CASCADE,
    node_id         integer NOT NULL,
    yhat            double precision[] NOT NULL,
    factor          double precision[] NOT NULL,
    added           double precision[],
    PRIMARY KEY (forecast_run_id, node_id)
);
COMMENT ON TABLE adjusted_forecasts IS 'The published forecast with the overrides in force, of the items that they change; written again with each change of either.';
COMMENT ON COLUMN adjusted_forecasts.yhat IS 'units by period, in the order of the periods of forecasts';
COMMENT ON COLUMN adjusted_forecasts.factor IS 'by period: what multiplies the published quantiles';
COMMENT ON COLUMN adjusted_forecasts.added IS 'by period and quantile (q025 to q975): units beside; null: none';

CREATE TABLE override_days (
    override_id     bigint NOT NULL REFERENCES forecast_overrides,
    ds              date NOT NULL,
    forecast_run_id bigint NOT NULL,
    before          double precision NOT NULL,
    after           double precision NOT NULL,
    PRIMARY KEY (override_id, ds)
);
COMMENT ON TABLE override_days IS 'What each override changed, by period: of the first forecast that it met, before the period was over. What came of it is judged by these.';
COMMENT ON COLUMN override_days.ds IS 'the last day of the period';
COMMENT ON COLUMN override_days.forecast_run_id IS 'the forecast; its days may be gone';
COMMENT ON COLUMN override_days.before IS 'units of all that the override is for, as the overrides before it left them';
COMMENT ON COLUMN override_days.after IS 'units with the override';
CREATE TRIGGER override_days_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON override_days
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT ON forecast_overrides, adjusted_forecasts, override_days TO stocktide_reader;
SELECT grant_to_part('stocktide_api', 'SELECT, INSERT, UPDATE', ARRAY['forecast_overrides']);
SELECT grant_to_part('stocktide_worker', 'SELECT', ARRAY['forecast_overrides']);
SELECT grant_to_part('stocktide_api', 'SELECT, INSERT, DELETE', ARRAY['adjusted_forecasts']);
SELECT grant_to_part('stocktide_worker', 'SELECT, INSERT, DELETE', ARRAY['adjusted_forecasts']);
SELECT grant_to_part('stocktide_api', 'SELECT, INSERT', ARRAY['override_days']);
SELECT grant_to_part('stocktide_worker', 'SELECT, INSERT', ARRAY['override_days']);

CREATE TABLE what_ifs (
    what_if_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner      text NOT NULL,
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    asked      jsonb NOT NULL,
    answer     jsonb NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE what_ifs IS 'Comparisons of scenarios that people saved, with the figures as they were then.';
COMMENT ON COLUMN what_ifs.owner IS 'who saved it; everybody who may read can open it';
COMMENT ON COLUMN what_ifs.asked IS 'scope and scenarios';
COMMENT ON COLUMN what_ifs.answer IS 'figures of what was, and of each scenario';

CREATE TABLE what_ifs_applied (
    what_if_id bigint NOT NULL REFERENCES what_ifs,
    scenario   text NOT NULL,
    applied_by text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    wrote      jsonb NOT NULL,
    PRIMARY KEY (what_if_id, scenario)
);
COMMENT ON TABLE what_ifs_applied IS 'Scenarios that were applied: the terms, plans and overrides that they wrote. Each once.';
COMMENT ON COLUMN what_ifs_applied.wrote IS 'rows by the kind that took them';
CREATE TRIGGER what_ifs_applied_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON what_ifs_applied
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT SELECT ON what_ifs, what_ifs_applied TO stocktide_reader;
SELECT grant_to_part('stocktide_api', 'SELECT, INSERT, DELETE', ARRAY['what_ifs']);
SELECT grant_to_part('stocktide_api', 'SELECT, INSERT', ARRAY['what_ifs_applied']);
SELECT grant_to_part('stocktide_worker', 'SELECT', ARRAY['what_ifs', 'what_ifs_applied']);
