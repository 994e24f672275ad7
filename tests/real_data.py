"""Real data that some tests want and that we may not ship: what it is, and what to say where it is absent."""

from collections.abc import Sequence

REAL_DATA_ABSENT = "real data absent"


def absence_line(reasons: Sequence[str]) -> str | None:
    """Return one line for the end of a test run whose skipped tests gave these reasons; None if none lacked data."""
    count = sum(REAL_DATA_ABSENT in reason for reason in reasons)
    if count == 0:
        return None
    return (
        f"{count} skipped for want of public data sets (Online Retail, M3, Australian tourism, CloudEvents', GS1's): "
        'CONTRIBUTING.md, "Real data", says where to get each; then set STOCKTIDE_TEST_DATA to their folder.'
    )
