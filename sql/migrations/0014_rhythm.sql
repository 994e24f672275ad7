-- Forecasts by week, month or quarter beside those by day. Only adds: an older version goes on writing days.

ALTER TABLE forecast_runs
    ADD COLUMN frequency text NOT NULL DEFAULT 'D' CHECK (frequency IN ('D', 'W', 'M', 'Q')),
    ADD COLUMN horizon integer,
    ADD COLUMN one_day boolean NOT NULL DEFAULT false;
UPDATE forecast_runs SET horizon = horizon_days;
COMMENT ON COLUMN forecast_runs.frequency IS 'D, W, M or Q: one row of forecasts and forecast_actuals a period, ds is its last day';
COMMENT ON COLUMN forecast_runs.horizon IS 'periods ahead; null: as many as horizon_days';
COMMENT ON COLUMN forecast_runs.horizon_days IS 'days from the cutoff to the last day of the last period';
COMMENT ON COLUMN forecast_runs.one_day IS 'all sales of a period are dated on one day of it, as a monthly export does';

-- day is the last day of the period that was judged.
ALTER TABLE forecast_drift
    ADD COLUMN frequency text NOT NULL DEFAULT 'D' CHECK (frequency IN ('D', 'W', 'M', 'Q'));
