"""Streams as one object: colour, width, prompting, messages."""

from __future__ import annotations

import sys
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from custmerge.cli.language import _
from custmerge.errors import BadUsage, Declined, MissingInput, NoSecret
from custmerge.files import size
from custmerge.settings import without_urls_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console, RenderableType

LEAST_WIDTH, USUAL_WIDTH = 40, 80
"""In columns; `COLUMNS=0` stands for a terminal that doesn't know its width."""
LONGEST_SECRET_LINE = 1 << 20
"""In bytes. A password that is too long is a wrong one; more than this is no password."""


class Terminal:
    """Where data goes (stdout), where messages and prompts go (stderr), and who answers (stdin)."""

    def __init__(self, environ: Mapping[str, str], *, no_input: bool, no_color: bool, quiet: bool) -> None:
        self._environ = environ
        self.no_color = no_color
        self.is_quiet = quiet
        self.can_ask = not no_input and not environ.get("CI") and sys.stdin is not None and sys.stdin.isatty()

    def print(self, *parts: RenderableType) -> None:
        """Print data for people; sentences wrap on a terminal only."""
        from rich.text import Text

        for part in parts:
            is_sentence = isinstance(part, (str, Text))
            self._out.print(part, soft_wrap=is_sentence and not self._out.is_terminal)

    def page(self, *parts: RenderableType) -> None:
        """Print data for people, through their pager where somebody sits here and it is higher than the screen."""
        if not (self.can_ask and sys.stdout.isatty() and self._environ.get("TERM") != "dumb"):
            self.print(*parts)
            return
        from custmerge.cli.pager import show_in_pager

        with self._out.capture() as captured:
            self.print(*parts)
        text = captured.get()
        if text.count("\n") < self._out.height or not show_in_pager(text, self._environ):
            sys.stdout.write(text)

    def show(self, *parts: RenderableType) -> None:
        """Print to stderr what somebody needs to see before they answer."""
        for part in parts:
            self.messages.print(part)

    def say(self, message: str) -> None:
        """Print a message to stderr, unless --quiet."""
        if not self.is_quiet:
            print(message, file=sys.stderr)

    def warn(self, message: str) -> None:
        """Print to stderr what has to be seen even with --quiet."""
        print(message, file=sys.stderr)

    def ask(self, question: str, *, option: str) -> str:
        """Return a person's answer; raises MissingInput, naming `option`, where nobody can be asked."""
        self.demand_person(question, option)
        print(f"{without_urls_secrets(question)}: ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
        if not answer:
            raise Declined
        return answer.strip()

    def ask_secret(self, question: str, *, option: str) -> str:
        """Return a person's answer, which isn't shown while they type."""
        import getpass

        self.demand_person(question, option)
        try:
            return getpass.getpass(f"{without_urls_secrets(question)}: ", stream=sys.stderr)
        except EOFError:
            raise Declined from None
        except UnicodeDecodeError:
            raise BadUsage(problem=_("The password isn't valid text in this terminal's encoding.")) from None

    def confirm(self, question: str, *, option: str) -> bool:
        """Return whether a person agrees; anything but a yes is a no."""
        yes, no = _("y"), _("N")
        answer = self.ask(f"{question} [{yes}/{no}]", option=option).lower()
        return answer in {yes, _("yes"), "y", "yes"}

    def choose(self, question: str, choices: Sequence[tuple[str, str]], *, option: str) -> str:
        """Return the key of the choice that a person makes by its number, its key or its text.

        `choices` are pairs of key and text. Asks again until the answer is one of them.
        """
        for position, (_key, text) in enumerate(choices, start=1):
            print(f"  {position}  {text}", file=sys.stderr)
        while True:
            answer = self.ask(question, option=option).lower()
            for position, (key, text) in enumerate(choices, start=1):
                if answer in {str(position), key, text.lower()}:
                    return key
            print(_("Please answer with one of the numbers."), file=sys.stderr)

    @property
    def has_bars(self) -> bool:
        """Whether somebody can see a bar, and wants to."""
        return not self.is_quiet and sys.stderr.isatty()

    @cached_property
    def _out(self) -> Console:
        return self._console(sys.stdout)

    @cached_property
    def messages(self) -> Console:
        """Where messages and bars are drawn."""
        return self._console(sys.stderr)

    def _console(self, stream: TextIO) -> Console:
        from rich.console import Console

        colour = (
            stream.isatty()
            and not self.no_color
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
        if console.width < LEAST_WIDTH:
            # A narrow terminal folds the lines itself; here values would be cut, and of no width nothing is left.
            console.width = LEAST_WIDTH if console.width else USUAL_WIDTH
        return console

    def demand_person(self, what: str, option: str) -> None:
        """Raise MissingInput, naming `option`, where nobody can be asked."""
        if not self.can_ask:
            raise MissingInput(what=what, option=option)


def secret_from_stdin() -> str:
    """Return the next line of standard input without its line end; raises BadUsage for an empty one.

    What never ends is refused too: nobody's password has a line of LONGEST_SECRET_LINE bytes.
    """
    line = sys.stdin.buffer.readline(LONGEST_SECRET_LINE + 1)
    if len(line) > LONGEST_SECRET_LINE:
        said = _("The password on standard input has more than {limit} on its line.")
        raise BadUsage(problem=said.format(limit=size(LONGEST_SECRET_LINE)))
    try:
        secret = line.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise BadUsage(problem=_("The password on standard input isn't UTF-8.")) from None
    if not secret:
        raise NoSecret(problem=_("--password-stdin was given, but no password came on standard input."))
    return secret
