"""From demand to a base forecast of every node: what a day says, which model fits, what the last weeks add."""
