"""Events behind figures, and where an event went."""
