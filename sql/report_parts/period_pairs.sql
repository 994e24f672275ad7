-- Periods of the fiscal calendar that have data, each beside the same one of the year before, and the shops that are compared in
-- it; the period that is not over is beside as many days. Behind fiscal_days and shop_spans.
known AS (
    SELECT min(day) AS first_day, least(max(day), coalesce($open::DATE - 1, max(day))) AS last_day FROM daily_demand
),
pairs AS (
    SELECT p.year, p.period, p.period_start AS first, least(p.period_end, k.last_day) AS last, p.period_end <= k.last_day AS complete,
           b.period_start AS first_before,
           CASE WHEN p.period_end <= k.last_day THEN b.period_end
                ELSE least(b.period_end, b.period_start + (k.last_day - p.period_start)::INTEGER)
           END AS last_before
    FROM fiscal_periods p
    JOIN known k ON p.period_start <= k.last_day AND p.period_end >= k.first_day
    LEFT JOIN fiscal_periods b ON b.year = p.year - 1 AND b.period = p.period
),
counted AS (
    SELECT year, period, location_id
    FROM pairs
    JOIN shop_spans ON NOT $like_for_like OR (first_sold < first_before + 7 AND last_sold > last - 7)
)
