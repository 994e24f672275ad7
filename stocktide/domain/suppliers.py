"""Who sells to the chain."""

# Under this name stand lines of products that nobody is known to sell; no supplier may have it.
UNASSIGNED = "unassigned"
