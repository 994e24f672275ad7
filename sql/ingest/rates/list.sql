-- Rates, the newest first; keyset by day, base and quote.
SELECT base, quote, day, rate::text AS rate, recorded_at, recorded_by
FROM currency_rates
WHERE (CAST(:base AS text) IS NULL OR base = :base)
  AND (CAST(:quote AS text) IS NULL OR quote = :quote)
  AND (day, base, quote) < (CAST(:day AS date), CAST(:after_base AS text), CAST(:after_quote AS text))
ORDER BY day DESC, base DESC, quote DESC
LIMIT :limit
