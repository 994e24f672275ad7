-- The forecast in force of every item of the hierarchy, by period: the published one with planners' overrides.
-- reads: forecasts
SELECT
    level, -- level of the hierarchy: total, location, product, …
    item, -- name of the item
    sku, -- products.sku, where the item is of one product
    location_code, -- locations.code, where the item is of one location
    department, -- department, where the item is of one
    category, -- category, where the item is of one
    region, -- region, where the item is of one
    country, -- country, where the item is of one
    ds AS day, -- last day of the period; the day itself if the forecast is daily
    frequency, -- D, W, M or Q: length of the period
    yhat AS forecast, -- expected units in the period, overrides in it: what pages show and orders follow
    published, -- expected units without the overrides; the same where none reaches the item
    q025, -- 2.5 % of outcomes are below
    q10, -- 10 % of outcomes are below: with q90 the 80 % interval
    q25, -- a quarter of outcomes is below
    q50, -- median
    q75, -- three quarters of outcomes are below
    q90, -- 90 % of outcomes are below
    q975, -- 97.5 % of outcomes are below
    forecast_run_id, -- run that made it
    cutoff, -- last day that the models saw
    published_at -- when it was published (UTC)
FROM input_forecasts
