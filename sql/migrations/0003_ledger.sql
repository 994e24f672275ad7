-- The ledger in partitions, identity apart, and what events may say more: lots, costs, references, corrections.
-- Which stock rows a ledger transaction changed: written in that transaction, eaten by the alert evaluator.
CREATE TABLE stock_changes (
    change_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_ids  integer[] NOT NULL,
    location_ids integer[] NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE stock_changes IS 'outbox of the ledger: pairs in parallel arrays, the same pair may repeat; rows are deleted once their rules are evaluated';
