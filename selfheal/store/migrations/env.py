"""How Alembic reaches the database: always through the connection that `migrate` hands over."""

from alembic import context

from selfheal.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
