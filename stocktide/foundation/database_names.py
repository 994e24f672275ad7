"""Names that processes share in PostgreSQL and in the lake: channels of NOTIFY, advisory locks, app transactions.

They are defined here alone; SQL files that must spell one are compared with this module by a test. Processes of two
versions can run side by side for a while, so a name that is in use keeps its value.
"""

# Sent at commit with each change of stock or products; the payload is product ids with commas, or `*` for all.
STOCK_CHANGED = "stock_changed"
# Another forecast was published; the payload is its run.
FORECAST_PUBLISHED = "forecast_published"
# Pairs are to be judged for another reason than their stock, such as a new reorder point.
ALERT_INPUTS_CHANGED = "alert_inputs_changed"
# Alerts were opened, closed or handled: streams look.
ALERTS_CHANGED = "alerts_changed"
# Webhooks have something to send.
DELIVERIES_DUE = "deliveries_due"
CHANNELS = (
    STOCK_CHANGED,
    FORECAST_PUBLISHED,
    ALERT_INPUTS_CHANGED,
    ALERTS_CHANGED,
    DELIVERIES_DUE,
)

# Advisory locks by number: any number, as long as no two are the same.
MIGRATION_LOCK = 7_205_759_401
ALERT_WRITERS_LOCK = 7_205_759_405
RHYTHM_LEARNERS_LOCK = 7_205_759_406
LOCK_NUMBERS = (MIGRATION_LOCK, ALERT_WRITERS_LOCK, RHYTHM_LEARNERS_LOCK)

# Advisory locks by text, of which PostgreSQL makes a number by hashtextextended(text, 0).
LOCK_PREFIX = "stocktide."
# With the run's id behind it: held for as long as the run's process lives. Spelled in SQL.
RUN_LOCK_PREFIX = LOCK_PREFIX + "run."
# Held while partitions of the ledger are created. Spelled in a migration.
PARTITIONS_LOCK = LOCK_PREFIX + "ledger_partitions"
# Held while a customer is erased, so that erasures are numbered in the order of their commits.
ERASURES_LOCK = LOCK_PREFIX + "erasures"

# A commit to a Delta table carries the watermark as the version of this app transaction; it is an xid8.
ETL_TRANSACTION = "stocktide.etl"
# The lake's generation, as the version of this app transaction: when it was last made from the whole ledger.
LAKE_GENERATION = "stocktide.generation"
# The rules by which days are derived from movements, as the version of this app transaction.
DEMAND_RULES = "stocktide.demand_rules"


def job_lock(job: str) -> str:
    """Return the text of the lock that keeps runs of a job apart."""
    return LOCK_PREFIX + job


def sign_in_lock(username: str) -> str:
    """Return the text of the lock that counts attempts to sign in as a user one after the other."""
    return f"{LOCK_PREFIX}sign_in.{username}"


def statements_lock(asked_by: str) -> str:
    """Return the text of the lock that counts the running statements of a user one after the other."""
    return f"{LOCK_PREFIX}statements.{asked_by}"


def sends_lock(location: str) -> str:
    """Return the text of the lock that lets one order desk at a time send goods from a location."""
    return f"{LOCK_PREFIX}sends.{location}"


def orders_lock(supplier: str) -> str:
    """Return the text of the lock that lets one order desk at a time order from a supplier."""
    return f"{LOCK_PREFIX}orders.{supplier}"


# Held while the order desk gives a number to an order, and shared while others open orders that are numbered alike.
ORDER_NUMBERS_LOCK = LOCK_PREFIX + "order_numbers"
# Held while a run puts its proposals on the order desk.
ORDERS_LOCK = LOCK_PREFIX + "order_desk"


def plans_lock(table: str) -> str:
    """Return the text of the lock that lets one writer at a time change a table of plans."""
    return LOCK_PREFIX + table
