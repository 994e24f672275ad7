-- What each source sent of each business day, and how long it took, up to the last ETL run.
-- reads: lake_feeds_days
SELECT
    source, -- system that sent it
    day, -- business day
    ends_at, -- when the day ended at the last of its locations (UTC)
    events, -- events of the day
    pairs, -- products at locations that it told of
    arrived_0h, -- events recorded by 0 hours after the end of the day at their location
    arrived_1h, -- events recorded by 1 hours after the end of the day at their location
    arrived_3h, -- events recorded by 3 hours after the end of the day at their location
    arrived_6h, -- events recorded by 6 hours after the end of the day at their location
    arrived_12h, -- events recorded by 12 hours after the end of the day at their location
    arrived_24h, -- events recorded by 24 hours after the end of the day at their location
    arrived_48h, -- events recorded by 48 hours after the end of the day at their location
    arrived_72h, -- events recorded by 72 hours after the end of the day at their location
    arrived_168h, -- events recorded by 168 hours after the end of the day at their location
    first_recorded_at, -- first one recorded (UTC)
    last_recorded_at, -- last one recorded (UTC)
    first_entry_id, -- first entry of movements that it is made of
    last_entry_id -- last one
FROM input_lake_feeds_days
