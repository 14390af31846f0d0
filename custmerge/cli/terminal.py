"""Streams as one object: colour, width, prompting, messages."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from custmerge.cli.drawing import FILE_WIDTH, drawn
from custmerge.cli.language import SafeText, _, literal
from custmerge.cli.line_editing import BACK, CTRL_B, can_edit, edited_line
from custmerge.cli.render.text.parts import Line, Part
from custmerge.cli.render.text.styles import definitions
from custmerge.cli.words import sentence
from custmerge.database_url import without_urls_secrets
from custmerge.errors import BadUsage, CustmergeError, Declined, InputEnded, MissingInput, NoSecret
from custmerge.files import size

if TYPE_CHECKING:
    from rich.console import Console

LEAST_WIDTH, USUAL_WIDTH = 40, 80
"""In columns; `COLUMNS=0` stands for a terminal that doesn't know its width."""
PAGER = "less -R"
_KEPT_FROM_PAGER = ("CUSTMERGE_TOKEN", "CUSTMERGE_DATABASE_URL", "PGPASSWORD")
_LESS = "FRX"
"""As git does: colours, and the screen isn't cleared. $LESS overrides it."""
LONGEST_SECRET_LINE = 1 << 20
"""In bytes. A password that is too long is a wrong one; more than this is no password."""


class SteppedBack(Exception):
    """The person wants to be at the question before."""


class Terminal:
    """Where data goes (stdout), where messages and prompts go (stderr), and who answers (stdin)."""

    def __init__(
        self, environ: Mapping[str, str], *, no_input: bool, no_color: bool, quiet: bool, plain: bool
    ) -> None:
        self._environ = environ
        self.no_color = no_color
        self.is_plain = plain
        self.is_quiet = quiet
        self.can_ask = not no_input and not environ.get("CI") and sys.stdin is not None and sys.stdin.isatty()

    def print(self, *parts: Part) -> None:
        """Print data for people; sentences wrap on a terminal only."""
        for part in parts:
            if self.is_plain:
                self._print_plain(self._out, part)
                continue
            is_whole = isinstance(part, (SafeText, Line)) and not self._out.is_terminal
            # Nothing drawn is wider than the screen but code in a manual page, whose lines the terminal folds.
            width = FILE_WIDTH if is_whole else self._out.width
            self._out.print(drawn(part, width), soft_wrap=is_whole, crop=False)

    def page(self, *parts: Part) -> None:
        """Print data for people, through their pager where somebody sits here and it is higher than the screen."""
        if not (self.can_ask and self.is_screen and self._environ.get("TERM") != "dumb"):
            self.print(*parts)
            return
        with self._out.capture() as captured:
            self.print(*parts)
        text = captured.get()
        encoded = text.encode(sys.stdout.encoding or "utf-8", "backslashreplace")
        if text.count("\n") < self._out.height or not _show_in_pager(encoded, self._environ):
            sys.stdout.write(text)

    def show(self, *parts: Part) -> None:
        """Print to stderr what a person needs to see before they answer; nothing where nobody can be asked."""
        for part in parts if self.can_ask else ():
            if self.is_plain:
                self._print_plain(self.messages, part)
            else:
                self.messages.print(drawn(part, self.messages.width))

    @staticmethod
    def _print_plain(console: Console, part: Part) -> None:
        """Print a part in whole lines: whoever hears them isn't to stop where a screen ends."""
        from custmerge.cli.plain import plain_lines

        for line in plain_lines(part):
            console.print(line, soft_wrap=True)

    def say(self, message: SafeText, **values: object) -> None:
        """Print a message to stderr, filled with `values`, unless --quiet."""
        if not self.is_quiet:
            self.warn(message, **values)

    def warn(self, message: SafeText, **values: object) -> None:
        """Print to stderr what has to be seen even with --quiet, filled with `values`."""
        print_message(message.format(**values) if values else message)

    def refuse(self, error: CustmergeError) -> None:
        """Print why an answer can't be taken, before the person is asked again."""
        self.warn(literal("✗ {sentence}"), sentence=sentence(error))

    def ask(self, question: SafeText, *, option: str, default: str = "", can_go_back: bool = False) -> str:
        """Return a person's answer, `default` where it is empty.

        Raises MissingInput, naming `option`, where nobody can be asked, InputEnded for Ctrl-D, and with
        `can_go_back` SteppedBack for `<` and Ctrl-B.
        """
        self.demand_person(question, option)
        if default:
            question = literal("{question} [{default}]").format(question=question, default=default)
        with self._ending_line():
            answer = self._typed_line(question, can_go_back=can_go_back).strip()
        if can_go_back and answer in (BACK, CTRL_B):
            raise SteppedBack
        return answer or default

    def ask_secret(self, question: SafeText, *, option: str, can_go_back: bool = False) -> str:
        """Return a person's answer, which isn't shown while they type; raises what `ask` raises."""
        # Imported here, as what hardly any command needs.
        import getpass

        self.demand_person(question, option)
        try:
            with self._ending_line():
                secret = getpass.getpass(_prompt(question), stream=sys.stderr)
        except UnicodeDecodeError:
            raise BadUsage(problem=_("The password isn't valid text in this terminal's encoding.")) from None
        if can_go_back and secret in (BACK, CTRL_B):
            raise SteppedBack
        return secret

    def _typed_line(self, question: SafeText, *, can_go_back: bool) -> str:
        """Return a line that can be edited while it is typed; raises EOFError."""
        prompt = _prompt(question)
        if can_edit(self._environ):
            # A Python without the module is rare; there the terminal's own editing has to do.
            with suppress(ImportError):
                return edited_line(prompt, can_go_back=can_go_back)
        print(prompt, end="", file=sys.stderr, flush=True)
        if not (answer := sys.stdin.readline()):
            raise EOFError
        return answer

    @staticmethod
    @contextmanager
    def _ending_line() -> Iterator[None]:
        """Let what comes behind a question that is left by Ctrl-C or Ctrl-D begin on a line of its own."""
        try:
            yield
        except EOFError:
            print_message(literal(""))
            raise InputEnded from None
        except KeyboardInterrupt:
            print_message(literal(""))
            raise

    def confirm(self, question: SafeText, *, option: str, can_go_back: bool = False) -> bool:
        """Return whether a person agrees; Enter is a no, and any other word asks again. Raises what `ask` raises."""
        yes, no = _("y"), _("N")
        asked = literal("{question} [{yes}/{no}]").format(question=question, yes=yes, no=no)
        while True:
            answer = self.ask(asked, option=option, can_go_back=can_go_back).lower()
            if answer in {yes, _("yes"), "y", "yes"}:
                return True
            if answer in {"", no.lower(), _("no"), "n", "no"}:
                return False
            self.warn(_("Please answer {yes} or {no}."), yes=_("yes"), no=_("no"))

    def demand_yes(self, question: SafeText) -> None:
        """Raise Declined unless a person agrees, and MissingInput where nobody can be asked and --yes isn't given."""
        if not self.confirm(question, option="--yes"):
            raise Declined

    @property
    def is_screen(self) -> bool:
        """Whether a person reads stdout on a terminal."""
        return sys.stdout.isatty()

    @property
    def has_bars(self) -> bool:
        """Whether somebody can see a bar, and wants to."""
        return not self.is_quiet and not self.is_plain and sys.stderr.isatty()

    @cached_property
    def _out(self) -> Console:
        return self._console(sys.stdout)

    @cached_property
    def messages(self) -> Console:
        """Where messages and bars are drawn."""
        return self._console(sys.stderr)

    def _console(self, stream: TextIO) -> Console:
        from rich.console import Console
        from rich.theme import Theme

        colour = (
            stream.isatty()
            and not self.no_color
            and not self.is_plain
            and not self._environ.get("NO_COLOR")
            and self._environ.get("TERM") != "dumb"
        )
        console = Console(
            file=stream,
            color_system="auto" if colour else None,
            force_terminal=stream.isatty(),
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )
        console.push_theme(Theme(definitions(console.color_system)))
        if stream.isatty() and console.is_dumb_terminal:
            # Rich takes such a terminal for one of 80 columns, unless it is told both.
            console.width, console.height = _columns_of(stream), console.height
        elif console.width < LEAST_WIDTH:
            # A narrow terminal folds the lines itself; here values would be cut, and of no width nothing is left.
            console.width = LEAST_WIDTH if console.width else USUAL_WIDTH
        return console

    def demand_person(self, what: SafeText, option: str) -> None:
        """Raise MissingInput, naming `option`, where nobody can be asked."""
        if not self.can_ask:
            raise MissingInput(what=what, option=option)


def print_line(text: SafeText) -> None:
    """Print a line to stdout at once; it isn't folded."""
    print(text, flush=True)


def print_sentence(text: SafeText) -> None:
    """Print a sentence to stdout at once; on a terminal it is broken at words."""
    print_line(fitted(text))


def fitted(text: SafeText) -> SafeText:
    """Return a text as stdout takes it: on a terminal it is broken at words."""
    return _wrapped_for(sys.stdout, text)


def print_message(message: SafeText) -> None:
    """Print a message to stderr; on a terminal it is broken at words."""
    print(_wrapped_for(sys.stderr, message), file=sys.stderr)


def print_document(document: SafeText) -> None:
    """Print what a program reads to stderr, in one line."""
    print(document, file=sys.stderr)


def _prompt(question: SafeText) -> SafeText:
    """Return what stands before an answer, broken at words on a terminal."""
    asked = literal("{question}:").format(question=without_urls_secrets(question))
    return literal("{asked} ").format(asked=_wrapped_for(sys.stderr, asked))


def _wrapped_for(stream: TextIO, text: SafeText) -> SafeText:
    """Return a text in lines that a terminal needn't break; the same text for what is no terminal."""
    return text.wrapped(_columns_of(stream)) if stream.isatty() else text


def _columns_of(terminal: TextIO) -> int:
    """Return in how many columns lines are laid out for a terminal."""
    given = os.environ.get("COLUMNS", "")
    width = int(given) if given.isdecimal() else os.get_terminal_size(terminal.fileno()).columns
    return max(width, LEAST_WIDTH) if width else USUAL_WIDTH


def _show_in_pager(text: bytes, environ: Mapping[str, str]) -> bool:
    """Show `text` in $PAGER or less and return when the person has left it; False where there is no such program.

    An empty $PAGER means none. Raises KeyboardInterrupt where the pager was ended by Ctrl-C.
    """
    command = _pager_command(environ.get("PAGER", PAGER))
    if not command:
        return False
    # Ctrl-C belongs to the pager until it ends. A handler, because the pager would inherit SIG_IGN.
    previous = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, env=_pager_environment(environ))  # noqa: S603 (theirs to choose)
        # A pager that is left early reads no more; that is no error.
        process.communicate(text)
    except OSError:
        return False
    finally:
        signal.signal(signal.SIGINT, previous)
    if process.returncode == -signal.SIGINT:
        raise KeyboardInterrupt
    return True


def _pager_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a pager needs: it is somebody else's program, and may run others.

    Source: less(1), "Security": LESSSECURE=1 turns off shell, editor, and files of other names.
    """
    kept = {name: value for name, value in environ.items() if name not in _KEPT_FROM_PAGER}
    # Python writes UTF-8 where the locale isn't installed; less would go by the locale and show bytes.
    charset = {"LESSCHARSET": "utf-8"} if sys.stdout.encoding.lower() == "utf-8" else {}
    return {"LESS": _LESS, **charset, **kept, "LESSSECURE": "1"}


def _pager_command(line: str) -> list[str]:
    import shlex

    try:
        words = shlex.split(line)
    except ValueError:
        return []
    return words if words and shutil.which(words[0]) else []


def secret_from_stdin() -> str:
    """Return the next line of standard input without its line end; raises BadUsage for an empty one.

    What never ends is refused too: nobody's password has a line of LONGEST_SECRET_LINE bytes.
    """
    line = sys.stdin.buffer.readline(LONGEST_SECRET_LINE + 1)
    if len(line) > LONGEST_SECRET_LINE:
        text = _("The password on standard input has more than {limit} on its line.")
        raise BadUsage(problem=text.format(limit=size(LONGEST_SECRET_LINE)))
    try:
        secret = line.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise BadUsage(problem=_("The password on standard input isn't UTF-8.")) from None
    if not secret:
        raise NoSecret(problem=_("--password-stdin was given, but no password came on standard input."))
    return secret
