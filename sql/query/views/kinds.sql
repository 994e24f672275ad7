-- Kinds of events, and what each does.
-- reads: kinds
SELECT
    kind, -- name, as in movements
    sign, -- 1 if it adds to stock, -1 if it takes from it, 0 if it does neither
    is_count, -- true if it sets stock to what was counted
    sets_price, -- true if it sets a price
    opens, -- what it promises: on_order (of a supplier), in_transit or promised (to a customer); empty: nothing
    closes, -- what it brings of what was promised
    daily AS counts_as -- sold, returned, received or adjusted: where daily_demand counts its units; empty: nowhere
FROM input_kinds
