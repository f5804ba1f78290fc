"""What alembic runs: the migrations, on the connection (and inside the transaction) it is given."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
