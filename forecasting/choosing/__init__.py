"""Which forecast to trust: baselines, backtest, scores, the choice and its contest with the champion."""
