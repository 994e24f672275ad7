"""Ways to forecast one node: Prophet models, shapes handed down, levels of recent windows, simple means."""
