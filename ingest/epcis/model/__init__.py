"""Bytes to typed events of EPCIS 2.0, with what is wrong named by its path; their hash."""
