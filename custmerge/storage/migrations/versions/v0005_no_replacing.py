"""SQLite's INSERT OR REPLACE deletes without asking the trigger that refuses to."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER custmerge_history_no_replace BEFORE INSERT ON custmerge_history "
            "WHEN EXISTS (SELECT 1 FROM custmerge_history WHERE seq = NEW.seq) "
            "BEGIN SELECT RAISE(ABORT, 'custmerge_history is append-only'); END"
        )
