-- A fill rate of all lines of a location together.

ALTER TABLE service_targets DROP CONSTRAINT service_targets_measure_check;
ALTER TABLE service_targets ADD CONSTRAINT service_targets_measure_check
    CHECK (measure IN ('cycle_service', 'fill_rate', 'total_fill_rate', 'least_cost'));
