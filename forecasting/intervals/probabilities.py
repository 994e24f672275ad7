"""The probabilities whose quantiles are published: the deciles, the quartiles, and the ends of 95 %."""

QUANTILES = (0.025, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.975)
# Columns of table `forecasts` that hold them, in this order.
QUANTILE_COLUMNS = (
    "q025",
    "q10",
    "q20",
    "q25",
    "q30",
    "q40",
    "q50",
    "q60",
    "q70",
    "q75",
    "q80",
    "q90",
    "q975",
)
