"""Page Terms: what orders follow from beside stock and forecast, in tables that can be edited."""
