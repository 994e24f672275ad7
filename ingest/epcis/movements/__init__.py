"""Captured events to movements of the ledger: which rule, which goods, which places, and what is still pending."""
