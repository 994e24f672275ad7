-- What is known of contents of watched folders: one by its identity, or those of a folder that are recorded and whose
-- move nobody wrote down.
SELECT sha256, mapping_sha256, name, state, report
FROM watched_files
WHERE (sha256 = :sha256 AND mapping_sha256 = :mapping_sha256)
   OR (state = 'recorded' AND report->>'folder' = :folder)
