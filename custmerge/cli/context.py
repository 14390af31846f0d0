"""What every verb gets: settings, terminal, database and caller, each made when it is first needed."""

from __future__ import annotations

import atexit
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from custmerge.cli import completion, language
from custmerge.cli.language import SafeText, _, literal
from custmerge.cli.render.text.parts import Part
from custmerge.cli.terminal import Terminal, secret_from_stdin
from custmerge.database_url import has_secret, shown_url
from custmerge.errors import (
    N_,
    BadPassword,
    BadUsage,
    CustmergeError,
    DatabaseError,
    KeyringUnavailable,
    LoginUnreadable,
    NoKeyring,
    NotLoggedIn,
)
from custmerge.settings import LANGUAGES, Settings, gather

if TYPE_CHECKING:
    from custmerge.cli.render.data.writing import Format, Shape
    from custmerge.services.access import Caller
    from custmerge.storage.database import Database
    from custmerge.storage.files.token_store import TokenStore

T = TypeVar("T")
TOKEN_BYTES = 32
PASSWORD_RULE = N_(
    "A password has at least 12 characters. It isn't a common one, a sequence or one repeated character, and doesn't "
    "contain the name of this program, of this computer or of the person."
)
SALT_BYTES = 16


@dataclass(slots=True)
class GlobalOptions:
    """What may stand before and after every command, declared for Typer; filled while the command line is read."""

    database: Annotated[str | None, typer.Option(metavar="URL", help=_("sqlite:///path or postgresql://…"))] = None
    lang: Annotated[
        str | None,
        typer.Option(metavar="de|en", help=_("Language of texts."), autocompletion=completion.words(LANGUAGES)),
    ] = None
    no_input: Annotated[bool, typer.Option("--no-input", help=_("Never ask."))] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help=_("No messages, only data and errors."))] = False
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help=_("Say what is done."))] = False
    no_color: Annotated[bool, typer.Option("--no-color", help=_("No colours."))] = False
    plain: Annotated[
        bool, typer.Option("--plain", help=_("One fact a line, no boxes, no colours: for screen readers."))
    ] = False


class Context:
    """One run of the program."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.options = GlobalOptions()
        self.environ = environ
        self._token: str | None = None
        """The login's, once it was read: a keyring is asked once."""
        self._caller: Caller | None = None
        """Who is logged in, once that is known."""

    def begin(self) -> None:
        """Take the global options, all of which are known now; raises BadUsage, and what `gather` raises."""
        if self.options.quiet and self.options.verbose:
            raise BadUsage(problem=_("--quiet and --verbose exclude each other."))
        if self.settings.lang is not None:
            language.install(self.settings.lang)
        if self.options.database and has_secret(self.options.database):
            self.terminal.warn(
                _(
                    "Careful: everybody on this machine can read the password in --database (`ps`). "
                    "Use ~/.pgpass or CUSTMERGE_DATABASE_URL."
                )
            )
        if self.options.verbose:
            self.terminal.say(_("Database: {database}"), database=shown_url(self.settings.database_url))

    @cached_property
    def settings(self) -> Settings:
        """The settings; raises BadFile, BadValue."""
        return gather(
            self.environ, database=self.options.database, lang=self.options.lang, is_plain=self.options.plain
        )

    @cached_property
    def terminal(self) -> Terminal:
        """The person's terminal."""
        options = self.options
        return Terminal(
            self.environ,
            no_input=options.no_input,
            no_color=options.no_color,
            quiet=options.quiet,
            plain=self._is_plain,
        )

    @property
    def _is_plain(self) -> bool:
        try:
            return self.settings.plain
        except CustmergeError:
            # `help` works where the settings don't; every other command has refused them by now.
            return self.options.plain

    @cached_property
    def database(self) -> Database:
        """The database that the settings name, not opened yet."""
        from custmerge.storage.database import Database

        database = Database(self.settings.database_url)
        # At exit, not before: rows that are streamed may still be read from it.
        atexit.register(database.close)
        return database

    @cached_property
    def tokens(self) -> TokenStore:
        """Where the login's token for this database is kept."""
        from custmerge.storage.files.token_store import TokenStore

        return TokenStore(self.settings.database_url, self.environ, self.settings.token_store)

    def token(self) -> str:
        """Return the login's token; raises NotLoggedIn."""
        if self._token is None:
            try:
                self._token = self.tokens.read()
            except NoKeyring:
                raise NotLoggedIn from None
            except KeyringUnavailable as error:
                raise LoginUnreadable(reason=error.details["reason"]) from None
        if self._token is None:
            raise NotLoggedIn
        return self._token

    def caller(self) -> Caller:
        """Return who is logged in; raises NotLoggedIn or SessionOver."""
        return self.resumed(self.token())

    def resumed(self, token: str) -> Caller:
        """Return whose session a token opens; raises SessionOver."""
        from custmerge.services.access import resume

        self._caller = resume(self.database, token, self.now())
        return self._caller

    def note_refusal(self, verb: str, error: CustmergeError) -> None:
        """Write into the history, if that can be done at once, that the caller was refused."""
        if self._caller is None:
            return
        from custmerge.services.access import note_refusal

        with suppress(DatabaseError):
            note_refusal(self.database, self._caller, verb, error, self.now())

    def next_command(self, *words: str) -> SafeText:
        """Return a command line that goes on from here, to be copied: with the --database that this one was given."""
        import shlex

        database = self.options.database
        given = () if database is None else ("--database", shown_url(database))
        return literal(" ").join(["custmerge", *map(shlex.quote, (*given, *words))])

    def survivor(self, caller: Caller, into: str | None) -> str | None:
        """Return the number that is kept as it was given; staff who gave none are asked for it on a terminal."""
        if into is None and not caller.is_customer and self.terminal.can_ask:
            return self.terminal.ask(_("Number that is kept"), option="--into") or None
        return into

    def password(self, question: SafeText, *, from_stdin: bool) -> str:
        """Return a password from the next line of standard input or from the person."""
        if from_stdin:
            return secret_from_stdin()
        return self.terminal.ask_secret(question, option="--password-stdin")

    def new_password(self, question: SafeText, *, name: str, present: str | None = None, from_stdin: bool) -> str:
        """Return a password that somebody chooses for the person called `name`, who may have a `present` one.

        It is the next line of standard input; raises BadPassword. Or the person types it twice, and is asked again
        until it can be chosen.
        """
        from custmerge.services.people.passwords import demand_good

        if from_stdin:
            password = self.password(question, from_stdin=True)
            demand_good(password, name=name, present=present)
            return password
        self.terminal.demand_person(question, "--password-stdin")
        self.terminal.warn(_(PASSWORD_RULE))
        while True:
            password = self.password(question, from_stdin=False)
            try:
                demand_good(password, name=name, present=present)
            except BadPassword as error:
                self.terminal.refuse(error)
                continue
            if self.password(_("The same password once more"), from_stdin=False) == password:
                return password
            self.terminal.warn(literal("✗ {differ}"), differ=_("The two passwords differ: nothing was changed."))

    def print_one(
        self, value: T, form: Format, shape: Callable[[T], Shape], parts: Callable[[T], Sequence[Part]]
    ) -> None:
        """Print a value: its `parts` for people, or its `shape` where `form` is one for scripts."""
        from custmerge.cli.render.data.writing import Format, write_one

        if form is Format.TABLE:
            self.terminal.print(*parts(value))
        else:
            write_one(shape(value), form)

    def print_all(
        self,
        values: Sequence[T],
        form: Format,
        shape: Callable[[T], Shape],
        table: Callable[[Sequence[T]], Part],
        columns: Iterable[str] = (),
        *,
        none: SafeText | None = None,
    ) -> None:
        """Print values likewise: as a table, or the shape of each.

        Where there may be none, scripts get `columns`, and people are told `none` instead of an empty table.
        """
        from custmerge.cli.render.data.writing import Format, write_many

        if form is Format.TABLE and not values and none is not None:
            self.terminal.say(none)
        elif form is Format.TABLE:
            self.terminal.print(table(values))
        else:
            write_many(map(shape, values), form, columns)

    def now(self) -> datetime:
        """Return this moment by the database's clock, see `Database.now`; raises DatabaseError."""
        return self.database.now()

    @staticmethod
    def machine_time() -> datetime:
        """Return what this machine's own clock says, for what is neither compared nor written."""
        return datetime.now(UTC)

    @staticmethod
    def new_token() -> str:
        """Return 256 fresh random bits as text; it never begins as an option does, or as what a spreadsheet runs."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        while token.startswith("-"):
            token = secrets.token_urlsafe(TOKEN_BYTES)
        return token

    new_salt = staticmethod(partial(secrets.token_bytes, SALT_BYTES))
    """Returns fresh random bytes for a before-image."""
