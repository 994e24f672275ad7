-- Files that `stocktide watch` took, each once by its content. recorded: its events are in, it is still to be moved.
CREATE TABLE watched_files (
    sha256      bytea PRIMARY KEY CHECK (length(sha256) = 32),
    name        text NOT NULL,
    bytes       bigint NOT NULL CHECK (bytes >= 0),
    state       text NOT NULL CHECK (state IN ('taken', 'recorded', 'done', 'failed')),
    report      jsonb NOT NULL DEFAULT '{}',
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CHECK ((state IN ('done', 'failed')) <= (finished_at IS NOT NULL))
);
-- Serves the list of what came last.
CREATE INDEX watched_files_started ON watched_files (started_at);

-- When a message that says no time of its own was first seen: if it is delivered again, its event is the same event.
CREATE TABLE mqtt_first_seen (
    key     text COLLATE "C" PRIMARY KEY,
    seen_at timestamptz NOT NULL,
    again   boolean NOT NULL
);
-- Serves the pruning of what no broker's session can deliver again.
CREATE INDEX mqtt_first_seen_at ON mqtt_first_seen (seen_at);

GRANT SELECT ON watched_files TO stocktide_reader;
