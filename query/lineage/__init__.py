"""Where figures come from, and where events go: from a figure to its events, from an event to all that holds it."""
