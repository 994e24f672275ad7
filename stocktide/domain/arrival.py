"""The hours after the end of a business day by which it is counted how many of its events have come."""

ARRIVAL_HOURS = (0, 1, 3, 6, 12, 24, 48, 72, 168)
