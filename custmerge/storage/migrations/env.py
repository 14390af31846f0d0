"""Alembic's entry: runs the steps on the connection that it is given, in that connection's transaction."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes.get("metadata"),
    version_table="custmerge_version",
    transactional_ddl=True,
)
context.run_migrations()
