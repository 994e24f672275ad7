-- The currency that is asked for; amounts of several are not added up. A minus stands for amounts without one.
customer_currency AS (
    SELECT coalesce(CASE $currency WHEN '-' THEN '' ELSE $currency END,
                    (SELECT currency FROM customers GROUP BY currency ORDER BY count(*) DESC, currency LIMIT 1)) AS currency
)
