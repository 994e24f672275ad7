-- Note whether the password of an attempt was right.
UPDATE sign_in_attempts SET outcome = :outcome WHERE attempt_id = :attempt_id
