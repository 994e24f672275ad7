-- Which product takes the place of which, from which business day, and with what share of its demand.

CREATE TABLE successions (
    successor_id   integer NOT NULL REFERENCES products,
    predecessor_id integer NOT NULL REFERENCES products,
    starts_on      date NOT NULL,
    share          double precision NOT NULL CHECK (share > 0 AND share <= 1),
    recorded_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (successor_id, predecessor_id),
    CHECK (successor_id <> predecessor_id)
);
COMMENT ON COLUMN successions.share IS 'of what the predecessor sells by then; the rest stays with it';

GRANT SELECT ON successions TO stocktide_reader;
