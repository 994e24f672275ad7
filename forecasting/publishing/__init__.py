"""Publishing of a finished run: its record, its rows, its version, and how the published one fares."""
