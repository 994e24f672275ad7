"""A chain of shops with millions of movements, written by SQL: deliveries, prices, promotions, baskets of customers.

Sale number n is of pair n % pairs on day n / pairs, so each pair sells once a day. Neighbours in number are sold at
other places; a basket is of three products at one place.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from stocktide.foundation.database import create_engine

PLACES, DAYS = 50, 365
ROWS_A_TRANSACTION = 50_000
CATEGORIES = 12
# One customer a dozen baskets; every fifth basket names none.
SALES = """
INSERT INTO ledger (entry_id, source_id, event_id, kind, product_id, location_id,
                    quantity_milli, price_micros, currency, promotion, order_id, order_line, customer_id, occurred_at)
SELECT block + n - :first, s.source_id, 'sold-' || n,
       k.kind, 1 + n % :pairs / :places, 1 + n % :places, -1000 * (1 + (n * 7919 % 13) * (n * 104729 % 7) / 14),
       price * (CASE WHEN promotion THEN 800 ELSE 1000 END), 'EUR', promotion, 'o' || basket, 1 + line,
       CASE WHEN basket % 5 <> 0 THEN 'c' || (basket * 7919 % :customers) END,
       CAST(:first_day AS date) + interval '1 day' * day + interval '8 hours'
           + interval '1 second' * (basket * 7919 % 43200)
FROM (SELECT nextval('ledger_entries') AS block) b, (SELECT source_id FROM sources WHERE source = 'benchmark') s,
     event_kinds k,
     generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) n,
     LATERAL (SELECT n / :pairs AS day, n % :pairs / :places AS product) d,
     LATERAL (SELECT (n / :pairs * :places + n % :places) * 1000 + product / 3 AS basket, product % 3 AS line,
                     1990 + 10 * (product * 31 % 97) + 20 * (day / 91) AS price,
                     (day + product) % 60 < 7 AS promotion) t
WHERE k.daily = 'sold'
"""
DELIVERIES = """
INSERT INTO ledger (entry_id, source_id, event_id, kind, product_id, location_id,
                    quantity_milli, cost_micros, currency, counterparty, occurred_at)
SELECT block + n - :first + (CAST(:last AS bigint) - :first + 1) * week, s.source_id,
       'came-' || week || '-' || n,
       k.kind, 1 + n / :places, 1 + n % :places, 1000 * (10 + (n * 31 + week * 17) % 16),
       1000000 + 5000 * (n / :places % 97), 'EUR', 'supplier ' || n / :places % 9,
       CAST(:first_day AS date) + interval '7 days' * week + interval '6 hours'
FROM (SELECT nextval('ledger_entries') AS block) b, (SELECT source_id FROM sources WHERE source = 'benchmark') s,
     event_kinds k,
     generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) n, generate_series(0, :weeks) week
WHERE k.daily = 'received' AND k.reversible AND k.second_sign IS NULL
"""
PRICES = """
INSERT INTO ledger (entry_id, source_id, event_id, kind, product_id, location_id,
                    quantity_milli, price_micros, currency, promotion, occurred_at)
SELECT block + n - :first + (CAST(:last AS bigint) - :first + 1) * quarter, s.source_id,
       'price-' || quarter || '-' || n, k.kind, 1 + n / :places, 1 + n % :places, 0,
       1000 * (1990 + 10 * (n / :places * 31 % 97) + 20 * quarter), 'EUR', false,
       CAST(:first_day AS date) + interval '91 days' * quarter + interval '5 hours'
FROM (SELECT nextval('ledger_entries') AS block) b, (SELECT source_id FROM sources WHERE source = 'benchmark') s,
     event_kinds k,
     generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) n, generate_series(0, 3) quarter
WHERE k.sets_price
"""


def fill(url: str, count: int, *, tell: Callable[[str], None] = lambda _: None) -> int:
    """Make a chain that has sold `count` times in the year until yesterday; returns its number of pairs."""
    pairs = max(PLACES, count // DAYS // PLACES * PLACES)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO sources (source) VALUES ('benchmark')"))
        connection.execute(
            sa.text(
                "INSERT INTO products (sku, name, department, category, currency) SELECT 'P' || n, 'Product ' || n,"
                " 'Department ' || n % 4, 'Category ' || n % :categories, 'EUR' FROM generate_series(1, :n) n"
            ),
            {"n": pairs // PLACES, "categories": CATEGORIES},
        )
        connection.execute(
            sa.text(
                "INSERT INTO locations (code, name, region) SELECT 'S' || n, 'Shop ' || n, 'Region ' || n % 5"
                " FROM generate_series(1, :n) n"
            ),
            {"n": PLACES},
        )
    first_day = datetime.now(UTC).date() - timedelta(DAYS)
    common = {"pairs": pairs, "places": PLACES, "first_day": first_day}
    step = max(1, ROWS_A_TRANSACTION // (DAYS // 7))
    for query, rows, at_once, more in (
        (PRICES, pairs, step, {}),
        (DELIVERIES, pairs, step, {"weeks": DAYS // 7 - 1}),
        (SALES, count, ROWS_A_TRANSACTION, {"customers": max(100, count // 36)}),
    ):
        for first in range(0, rows, at_once):
            last = min(rows, first + at_once) - 1
            used = {name: value for name, value in (common | more).items() if f":{name}" in query}
            with engine.begin() as connection:
                connection.execute(sa.text(query), {**used, "first": first, "last": last})
            if first // at_once % 20 == 0:
                tell(f"{last + 1:,} of {rows:,}")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
    engine.dispose()
    return pairs
