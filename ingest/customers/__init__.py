"""Customers: who is behind a pseudonym, for whoever may know; and erasing one, with all that names them."""
