-- Every change of who may see who customers are, the newest first.
SELECT u.username, p.given, p.changed_by, p.reason, p.at
FROM personal_rights p
JOIN users u USING (user_id)
ORDER BY p.change_id DESC
