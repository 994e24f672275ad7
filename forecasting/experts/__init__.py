"""Ways to forecast one node: Prophet models, shapes handed down from parents, levels of recent windows, simple means."""
