-- Replays: history through order policies, each with its result as pages and reports show it.

CREATE TABLE replays (
    replay_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    made_by    text NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT now(),
    result     jsonb NOT NULL
);
COMMENT ON TABLE replays IS 'Replays of the chain''s history through order policies.';
COMMENT ON COLUMN replays.replay_id IS 'counts up: the highest is the newest';
COMMENT ON COLUMN replays.made_by IS 'user, or the worker';
COMMENT ON COLUMN replays.made_at IS 'when it ended';
COMMENT ON COLUMN replays.result IS 'settings, what was assumed and censored, measures of each policy, the lines that missed most';

GRANT SELECT ON replays TO stocktide_reader;
SELECT grant_to_part('stocktide_api', 'SELECT', ARRAY['replays']);
SELECT grant_to_part('stocktide_worker', 'SELECT, INSERT', ARRAY['replays']);
