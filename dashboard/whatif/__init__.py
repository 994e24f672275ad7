"""Page What-if: what other terms would do to stock, service, cost and orders."""
