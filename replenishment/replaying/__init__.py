"""History through a policy: what it would have sold, lost, held and cost."""
