"""What every verb is handed: settings, terminal, database and caller, each made when first needed."""

from __future__ import annotations

import atexit
import secrets
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from custmerge.cli.terminal import secrets_from_stdin
from custmerge.errors import NotLoggedIn
from custmerge.settings import shown_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from custmerge.cli.terminal import Terminal
    from custmerge.services.access import Caller
    from custmerge.settings import Settings
    from custmerge.storage.token_store import TokenStore
    from custmerge.storage.unit import Database

TOKEN_BYTES = 32
SALT_BYTES = 16


class Context:
    """One run of the program."""

    def __init__(self, settings: Settings, terminal: Terminal, environ: Mapping[str, str]) -> None:
        self.settings = settings
        self.terminal = terminal
        self.environ = environ

    @property
    def shown_database(self) -> str:
        """The database's URL without its password."""
        return shown_url(self.settings.database_url)

    @cached_property
    def database(self) -> Database:
        """The database that the settings name, not opened yet."""
        from custmerge.storage.unit import Database

        database = Database(self.settings.database_url)
        # At the very end: until then what is streamed from it may not have been let go.
        atexit.register(database.close)
        return database

    @cached_property
    def tokens(self) -> TokenStore:
        """Where the login's token for this database is kept."""
        from custmerge.storage.token_store import TokenStore

        return TokenStore(self.settings.database_url, self.environ)

    def token(self) -> str:
        """Return the login's token; raises NotLoggedIn."""
        token = self.tokens.read()
        if token is None:
            raise NotLoggedIn
        return token

    def caller(self) -> Caller:
        """Return who is logged in; raises NotLoggedIn or SessionOver."""
        from custmerge.services.sessions import resume

        return resume(self.database, self.token(), self.now())

    def password(self, question: str, *, from_stdin: bool) -> str:
        """Return a password from standard input or from the person."""
        return self.passwords(question, from_stdin=from_stdin)[0]

    def passwords(self, *questions: str, from_stdin: bool) -> list[str]:
        """Return passwords from standard input, a line each, or from the person."""
        if from_stdin:
            return secrets_from_stdin(len(questions))
        return [self.terminal.ask_secret(question, option="--password-stdin") for question in questions]

    @staticmethod
    def now() -> datetime:
        """Return this moment."""
        return datetime.now(UTC)

    @staticmethod
    def new_token() -> str:
        """Return 256 fresh random bits as text."""
        return secrets.token_urlsafe(TOKEN_BYTES)

    @staticmethod
    def new_salt() -> bytes:
        """Return fresh random bytes for a before-image."""
        return secrets.token_bytes(SALT_BYTES)
