"""The fiscal calendar, as reports by period take it; it is a setting of the chain's, not a choice of a page."""

from datetime import date

from stocktide.foundation.settings import Settings

MONTHS = "calendar"
# The shops that periods are compared in.
SHOPS = {"all": "All shops", "like": "Like-for-like shops"}


def fiscal_asked(settings: Settings) -> dict[str, str | int]:
    """Return the parameters of reports by period."""
    return {
        "fiscal": settings.fiscal_calendar,
        "fiscal_month": settings.fiscal_month,
        "fiscal_weekday": settings.fiscal_weekday,
        "fiscal_rule": settings.fiscal_rule,
    }


def is_plain(settings: Settings) -> bool:
    """Return True where periods are months of the usual year."""
    return settings.fiscal_calendar == MONTHS and settings.fiscal_month == 1


def calendar_words(settings: Settings) -> str:
    """Describe the calendar below a table of periods."""
    if settings.fiscal_calendar == MONTHS:
        said = "Calendar months."
    else:
        said = f"Weeks of the periods of a quarter: {settings.fiscal_calendar}."
    return (
        f"{said} `STOCKTIDE_FISCAL_CALENDAR` sets the calendar. A period that is not over is compared with as many "
        "days."
    )


def period_name(settings: Settings, *, year: int, period: int, first: date) -> str:
    """Return the name of a period: "Feb 2026", or "2026 P1" in a fiscal year of its own."""
    return f"{first:%b %Y}" if is_plain(settings) else f"{year} P{period}"
