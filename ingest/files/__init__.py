"""Files in: by mapping, as events, or as EPCIS, once each."""
