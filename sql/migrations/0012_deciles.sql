-- All deciles beside the quantiles of the bands: a line from 0.1 to 0.25 is no quantile of a count. Only adds: an older
-- version goes on writing what it knows, and rows of earlier runs have none.
ALTER TABLE forecasts
    ADD COLUMN q20 double precision,
    ADD COLUMN q30 double precision,
    ADD COLUMN q40 double precision,
    ADD COLUMN q60 double precision,
    ADD COLUMN q70 double precision,
    ADD COLUMN q80 double precision;
COMMENT ON COLUMN forecasts.q20 IS 'q20, q30, q40, q60, q70, q80: NULL in runs from before deciles were published';
