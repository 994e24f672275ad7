"""What if: stock, service, cost and orders of the coming weeks under other terms, side by side; nothing is changed."""
