"""Alembic's entry: runs the migrations on the connection that stocktide.foundation.database hands over."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
