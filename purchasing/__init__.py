"""Buying: what suppliers do is learnt, what to order is proposed, and what buyers decide is kept.

- `learn_and_keep`, `list_lead_times`: lead times by supplier and product.
"""

from purchasing.lead_times import learn_and_keep, list_lead_times

__all__ = ["learn_and_keep", "list_lead_times"]
