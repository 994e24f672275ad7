-- What the rules of quality found in the lake, check by check.

CREATE TABLE quality_checks (
    rule       text COLLATE "C" NOT NULL,
    checked_at timestamptz NOT NULL DEFAULT now(),
    what       text NOT NULL,
    severity   text NOT NULL CHECK (severity IN ('error', 'warning', 'notice')),
    rows       bigint NOT NULL CHECK (rows >= 0),
    failed     bigint NOT NULL CHECK (failed >= 0),
    since      date NOT NULL,
    sample     jsonb NOT NULL,
    PRIMARY KEY (rule, checked_at)
);
COMMENT ON TABLE quality_checks IS 'What each rule of quality found in the lake, check by check.';
COMMENT ON COLUMN quality_checks.what IS 'what fails, in words, as the rule was then';
COMMENT ON COLUMN quality_checks.rows IS 'rows of the days that were looked at';
COMMENT ON COLUMN quality_checks.failed IS 'rows that fail';
COMMENT ON COLUMN quality_checks.sample IS 'some of the rows that fail, the newest first';
COMMENT ON INDEX quality_checks_pkey IS 'Serves catalog/quality: the checks of each rule in order.';
GRANT SELECT ON quality_checks TO stocktide_reader;
SELECT grant_to_part('stocktide_api', 'SELECT', ARRAY['quality_checks']);
SELECT grant_to_part('stocktide_worker', 'SELECT, INSERT, DELETE', ARRAY['quality_checks']);
