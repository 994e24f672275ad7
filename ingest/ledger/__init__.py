"""Events to rows: identities, entries, stock and what else a batch changes, in the caller's transaction."""
