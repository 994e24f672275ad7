-- Note what a request asks, by line; one with the same id that is under way is waited for. Binds: :request, :asked.
INSERT INTO order_requests (request, asked) VALUES (:request, CAST(:asked AS jsonb))
ON CONFLICT (request) DO NOTHING
