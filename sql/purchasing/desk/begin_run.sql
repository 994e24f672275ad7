-- Begin a run of proposals; returns its number. Binds: :forecast_run_id, :as_of, :snapshot, :by, :proposals, :detail.
INSERT INTO order_runs (forecast_run_id, as_of, snapshot, made_by, proposals, detail)
VALUES (:forecast_run_id, :as_of, CAST(:snapshot AS pg_snapshot), :by, :proposals, CAST(:detail AS jsonb))
RETURNING order_run_id
