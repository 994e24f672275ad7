-- Known shelf-days: how many products of a location had a known stock on a day, and how many of them were out of stock.
-- reads: shelf_days
SELECT
    location_id, -- key of locations
    day, -- business day
    known, -- products whose stock is known for a part of the day at least
    empty -- of these, out of stock for a time
FROM input_shelf_days
