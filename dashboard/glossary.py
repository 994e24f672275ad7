"""Tooltips of words on pages: the first lines of a word's entry in docs/glossary.md."""

TERMS = {
    "On hand": (
        "Units in a location according to the ledger: the last count plus all movements since. "
        "Unknown until a delivery or a count is received, and while the book is below zero: then goods were sold that "
        "never came, and only a count tells what is there."
    ),
    "Days of cover": (
        "How many days the stock lasts at the forecast rate: on hand ÷ forecast units a day."
    ),
    "On order": "Units ordered from a supplier and not received yet: ordered − received, by `order_id`.",
    "Stock-out": (
        "A product is out of stock in a location when its known stock is exactly 0. Below zero the book is wrong and "
        "the stock unknown."
    ),
    "Out-of-stock rate": (
        "Known shelf-days on which the shelf was empty for a time ÷ all known shelf-days. A product in a location is a "
        "shelf on every day on which its stock is known, with or without a movement."
    ),
    "Lost sales": (
        "Demand that could not be served because the shelf was empty for a part of the day: mean sales of the shelf's "
        "in-stock days of the same weekday in the four weeks before and after − sales, where that is above 0."
    ),
    "Like-for-like": (
        "Compared in the same shops alone: those that sold from the first week of the earlier period to the last week "
        "of the later one."
    ),
    "Fiscal calendar": (
        "Periods of the fiscal year as `STOCKTIDE_FISCAL_CALENDAR` sets them: calendar months, or weeks (4-4-5, 4-5-4, "
        "5-4-4)."
    ),
    "ABC class": (
        "Products by revenue, best sellers first: class A makes the first 80 %, B the next 15 %, C the rest. A product "
        "that crosses a limit is in the class above it."
    ),
    "Elasticity": (
        "By how many per cent sales change where the price is 1 % higher: −2 means 2 % less."
    ),
    "Promotion lift": (
        "Units sold on days of a promotion − the median of the same weekdays outside promotions, in the eight weeks "
        "before and after."
    ),
    "Support": "Share of the orders with two products or more that have both products of a pair.",
    "Lift": (
        "How many times as often two products are in one order as they would be by chance; 1 is chance."
    ),
    "Pseudonym": (
        "Random name that stands for a customer, such as c_kq3x5mhd2vw7ncae. It follows from nothing, and says "
        "nothing of "
        "who it is."
    ),
    "RFM score": (
        "Recency, frequency and value of a customer, each from 1 to 5: 1, and one more for each fifth of all "
        "customers whose "
        "limit the customer is above."
    ),
    "Cohort": "Customers who first bought in the same month.",
    "Expected value": (
        "What a customer is expected to buy in the next 12 months, by BG/NBD and Gamma-Gamma. With 90 % probability "
        "it is in the "
        "interval beside it."
    ),
    "Still buys": (
        "Probability that a customer will buy again at all, by BG/NBD: it falls with the time since the last "
        "purchase, the faster "
        "the more often they used to buy."
    ),
    "Sell-through": "Units sold in the last 28 days ÷ (those + on hand).",
    "Turns": (
        "How often stock is sold and replaced in a year: cost of what was sold in 91 days ÷ average stock value of "
        "these days, for 365 days."
    ),
    "Excess stock": "Units on hand beyond what was sold in the last 91 days (13 weeks).",
    "Shrinkage": "Stock that is missing without a sale: theft, breakage, mistakes.",
    "Phantom stock": "Stock that the book has and the shelf has not.",
    "XYZ class": (
        "Products by how much weekly units vary: class X by less than half of their mean, Y by less than the mean, "
        "Z by more."
    ),
    "Lead time": "Days from an order until its goods are on the shelf.",
    "Backtest": (
        "Test on the past: forecast from an earlier day with what was known then, and compare with what was sold."
    ),
    "Origin": "Last day that a forecast or a backtest knows; also called the cutoff.",
    "Seasonal naive": (
        "Baseline that repeats the last season: the same weekday of last week, or the same week, month or quarter of "
        "last year."
    ),
    "WAPE": (
        "Weighted absolute percentage error: Σ |forecast − actual| ÷ Σ actual. Lower is better; 0.2 means that the "
        "errors add up to 20 % of sales."
    ),
    "RMSSE": (
        "Root mean squared scaled error: the root of the mean squared error ÷ that of the history's changes from one "
        "period to the next. Lower is better; it compares items of any size."
    ),
    "WRMSSE": (
        "RMSSE of the items of a level, weighted by their sales, averaged over levels and origins. Lower is better."
    ),
    "Bias": (
        "Σ (forecast − actual) ÷ Σ actual. Above 0 the forecast is too high, below 0 too low."
    ),
    "Coverage": (
        "Share of the tested periods whose actual was inside an interval. The 80 % interval should cover about 80 %."
    ),
    "Drift": (
        "Error of the published forecast on new actuals, compared with its error in the backtest. An alarm asks for "
        "retraining."
    ),
    "Level": "One step of the hierarchy, such as region or product. Forecasts of all levels add up.",
    "Current version": "The forecast that is published: readers, pages and the API see it.",
    "New version": (
        "The newest trained forecast that is compared with the current version on the same days. It is published if "
        "its error is not higher."
    ),
    "Data updated": "When pages, charts and forecasts last received new events.",
    "Reject": (
        "Input that was refused. It is stored unchanged with the reason, and can be fixed and replayed, or dropped."
    ),
    "Conflict": "Event with the `source` and `id` of a recorded one and a different content.",
    "Duplicate": (
        "Event that was sent again with the same content. It is answered as recorded and changes nothing."
    ),
}


def tip(term: str) -> str:
    """Return the tooltip of a word, in any case. Raises KeyError for a word without an entry."""
    return TERMS_LOWER[term.lower()]


TERMS_LOWER = {term.lower(): text for term, text in TERMS.items()}
