"""Policy lab: replays of history through order policies."""
