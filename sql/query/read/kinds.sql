-- Kinds of events.
SELECT kind, sign, is_count, sets_price, daily
FROM event_kinds
