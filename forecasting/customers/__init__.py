"""What customers will buy and spend: BG/NBD and Gamma-Gamma, from each one's purchases so far."""

from forecasting.customers.bg_nbd import BgNbdFit, expected_purchases, fit_bg_nbd, p_alive
from forecasting.customers.gamma_gamma import GammaGammaFit, expected_average, fit_gamma_gamma
from forecasting.customers.summary import customer_summary
from forecasting.customers.value import ValueFit, fit_value, predict_value

__all__ = [
    "BgNbdFit",
    "GammaGammaFit",
    "ValueFit",
    "customer_summary",
    "expected_average",
    "expected_purchases",
    "fit_bg_nbd",
    "fit_gamma_gamma",
    "fit_value",
    "p_alive",
    "predict_value",
]
