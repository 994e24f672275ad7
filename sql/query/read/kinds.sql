-- Kinds of events.
SELECT kind, sign, is_count, sets_price, opens, closes, daily
FROM event_kinds
