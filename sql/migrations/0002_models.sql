-- What a forecast is made of, the backtest behind its choice, and the life of its models. Only adds: an older version
-- goes on reading and writing what it knows.

ALTER TABLE forecast_runs ADD COLUMN choice jsonb;
ALTER TABLE forecast_runs ADD COLUMN pruned_at timestamptz;
COMMENT ON COLUMN forecast_runs.choice IS 'what the backtest chose: winner, weights by candidate, winners by level, margin';
COMMENT ON COLUMN forecast_runs.pruned_at IS 'when its days were dropped; head, errors and scores stay for comparing';

-- Parts of a node's forecast that add up to its mean, one row a part: units a day from first_day on.
CREATE TABLE forecast_components (
    forecast_run_id bigint NOT NULL REFERENCES forecast_runs ON DELETE CASCADE,
    node_id         integer NOT NULL,
    component       text NOT NULL,
    first_day       date NOT NULL,
    units           real[] NOT NULL,
    PRIMARY KEY (forecast_run_id, node_id, component)
);

-- Joint sample paths over the horizon, (paths, days): path i of a node is the sum of path i of its leaves.
CREATE TABLE forecast_paths (
    forecast_run_id bigint NOT NULL REFERENCES forecast_runs ON DELETE CASCADE,
    node_id         integer NOT NULL,
    units           real[] NOT NULL,
    PRIMARY KEY (forecast_run_id, node_id)
);

-- The backtest: every candidate at every origin, per level and demand class ('all' = the classes together).
CREATE TABLE forecast_scores (
    forecast_run_id bigint NOT NULL REFERENCES forecast_runs ON DELETE CASCADE,
    origin          date NOT NULL,
    level           smallint NOT NULL,
    level_name      text NOT NULL,
    demand_class    text NOT NULL,
    candidate       text NOT NULL,
    metric          text NOT NULL,
    value           double precision,
    PRIMARY KEY (forecast_run_id, level, metric, candidate, demand_class, origin)
);
COMMENT ON COLUMN forecast_scores.origin IS 'last day that the candidates saw';

-- The registry: one row a finished run. A row outlives its run's days, and the run.
CREATE TABLE forecast_models (
    version         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    forecast_run_id bigint UNIQUE REFERENCES forecast_runs ON DELETE SET NULL,
    mlflow_run_id   text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    cutoff          date NOT NULL,
    status          text NOT NULL DEFAULT 'challenger'
                    CHECK (status IN ('challenger', 'champion', 'retired', 'rejected')),
    score           double precision,
    champion_score  double precision,
    margin          double precision NOT NULL DEFAULT 0,
    decided_at      timestamptz,
    decided_by      text,
    reason          text
);
COMMENT ON COLUMN forecast_models.score IS 'error over all levels and origins, lower is better';
COMMENT ON COLUMN forecast_models.champion_score IS 'the then champion''s choice on the same origins';
COMMENT ON COLUMN forecast_models.status IS 'retired: was champion once; rejected: never was';
CREATE UNIQUE INDEX forecast_models_one_champion ON forecast_models ((true)) WHERE status = 'champion';

-- Who made which version champion, and why: never changed, so that a rollback knows what was before.
CREATE TABLE forecast_decisions (
    decision_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    decided_at  timestamptz NOT NULL DEFAULT now(),
    action      text NOT NULL CHECK (action IN ('promote', 'reject', 'rollback')),
    version     bigint NOT NULL REFERENCES forecast_models,
    replaced    bigint REFERENCES forecast_models,
    decided_by  text NOT NULL,
    reason      text NOT NULL
);

-- How far the published forecast was off, day by day and level by level, and whether that is more than it said.
CREATE TABLE forecast_drift (
    day             date NOT NULL,
    level           smallint NOT NULL,
    level_name      text NOT NULL,
    forecast_run_id bigint NOT NULL,
    wape            double precision,
    bias            double precision,
    expected_wape   double precision,
    alarm           boolean NOT NULL DEFAULT false,
    PRIMARY KEY (day, level)
);
COMMENT ON COLUMN forecast_drift.bias IS 'forecast less what came, over what came: above 0 is too much';

-- What was published before there was a registry is its first version.
INSERT INTO forecast_models (forecast_run_id, mlflow_run_id, created_at, cutoff, status, decided_at, decided_by, reason)
SELECT r.forecast_run_id, r.mlflow_run_id, r.created_at, r.cutoff,
       CASE WHEN p.forecast_run_id IS NULL THEN 'retired' ELSE 'champion' END,
       coalesce(p.published_at, r.created_at), 'migration', 'published before versions were kept'
FROM forecast_runs r
LEFT JOIN published_forecast p USING (forecast_run_id)
ORDER BY r.forecast_run_id;
INSERT INTO forecast_decisions (decided_at, action, version, replaced, decided_by, reason)
SELECT decided_at, 'promote', version, lag(version) OVER (ORDER BY version), decided_by, reason
FROM forecast_models ORDER BY version;

GRANT SELECT ON forecast_components, forecast_paths, forecast_scores, forecast_models, forecast_decisions, forecast_drift
    TO stocktide_reader;
