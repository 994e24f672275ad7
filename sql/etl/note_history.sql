-- Note the versions that the lake's tables have by now, unless the newest row says the same. Files that are merged hold
-- what the run before landed.
WITH newest AS (
    SELECT run_id, versions FROM lake_history ORDER BY history_id DESC LIMIT 1
)
INSERT INTO lake_history (run_id, xid_before, recorded_through, versions)
SELECT coalesce(CAST(:run_id AS bigint), (SELECT run_id FROM newest)), :xid_before,
       (SELECT recorded_through FROM lake_versions WHERE table_name = 'movements'), CAST(:versions AS jsonb)
WHERE CAST(:versions AS jsonb) IS DISTINCT FROM (SELECT versions FROM newest)
