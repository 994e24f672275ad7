-- Silences by what they silence, the bodies of webhooks' messages as they were first sent, and reorder points that are
-- held against the inventory position. Only adds: an older version goes on reading and writing what it knows.

-- One row a rule and subject, so that ending a silence ends it whichever alert it was given to. The same instant
-- stands in alerts.silenced_until of the alert that it was given to and of the open one, for who reads that.
CREATE TABLE alert_silences (
    rule           text NOT NULL,
    subject        text NOT NULL,
    silenced_until timestamptz NOT NULL,
    reason         text NOT NULL,
    by             text NOT NULL,
    at             timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (rule, subject)
);
INSERT INTO alert_silences (rule, subject, silenced_until, reason, by)
SELECT DISTINCT ON (rule, subject) rule, subject, silenced_until, coalesce(reason, ''), 'migration'
FROM alerts
WHERE silenced_until > now()
ORDER BY rule, subject, alert_id DESC;
DROP INDEX alerts_silenced;
-- Serves the look for what opened under a silence that has passed.
CREATE INDEX alerts_unannounced ON alerts (rule, subject) WHERE closed_at IS NULL AND NOT announced;

ALTER TABLE deliveries ADD COLUMN body bytea;
COMMENT ON COLUMN deliveries.body IS 'the message as it was first sent, byte for byte: a later try sends it again';

-- Have all stock judged once: below_reorder_point judges the inventory position now, and no longer what is on hand.
DELETE FROM alert_limits;

GRANT SELECT ON alert_silences TO stocktide_reader;
