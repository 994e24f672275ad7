"""Choice of the forecast: baselines, backtest, scores, the choice and its contest with the champion."""
