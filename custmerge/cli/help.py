"""custmerge help: the manual, whose pages are the Markdown files in custmerge/help."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

import typer

from custmerge.cli import completion
from custmerge.cli.app import VERBS, Verb, show_help_of, single
from custmerge.cli.context import Context
from custmerge.cli.error_report import near
from custmerge.cli.examples import examples_folder
from custmerge.cli.language import SafeText, _, is_translated, literal, manual_page
from custmerge.cli.render.text.parts import BLANK, INDENTED, Grid, Line, Page
from custmerge.cli.render.text.styles import Style
from custmerge.cli.terminal import print_line
from custmerge.errors import N_, BadUsage, CustmergeError

# Topic, which is its file's name → what it is about.
TOPICS: dict[str, str] = {
    "agent": N_("the day of a support agent: look up, compare, merge"),
    "supervisor": N_("what a supervisor does: undo, approve, look after people"),
    "scripts": N_("merges by scripts: JSON, bulk files, nightly feeds"),
    "cron": N_("nightly jobs: audit, doctor, exports"),
    "commands": N_("every command, and who may use it"),
    "rules": N_("the rules of a merge, and how fields are compared"),
    "exit-codes": N_("exit codes, and the codes of errors in JSON"),
    "shapes": N_("the JSON and CSV that commands print"),
    "files": N_("CSV files in and out, Excel, bulk files, limits"),
    "duplicates": N_("who may be one customer: searches, bulk files, dismissals"),
    "attach": N_("the tables that you already have: mapping, references"),
    "settings": N_("settings, the config file, environment variables"),
    "history": N_("history entries, and how anybody verifies them"),
    "audit": N_("what an audit proves, checkpoints, signatures"),
    "security": N_("threats, defences, what isn't promised"),
    "operations": N_("promises of the databases, upgrades, erasing, backup"),
    "glossary": N_("the words: survivor, absorbed, proof, order …"),
    "versions": N_("what a new version may change, and what has changed"),
}


def show_help(
    ctx: typer.Context,
    topic: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TOPIC|COMMAND]", help=_("What to explain."), autocompletion=completion.words([*TOPICS, *VERBS])
        ),
    ] = None,
) -> None:
    """Show a page of the manual, the help of a command, or what there is."""
    context: Context = ctx.obj
    words = topic or []
    if not words:
        _list_topics(context)
    elif len(words) == 1 and words[0] in TOPICS:
        _show_page(context, words[0])
    elif words[0] in VERBS and not any(word.startswith("-") for word in words):
        show_help_of(ctx, *words)
    else:
        raise BadUsage(problem=_unknown(" ".join(words)))


def _list_topics(context: Context) -> None:
    topics = Grid([(INDENTED.format(text=name), _summary(name)) for name in TOPICS])
    context.terminal.print(
        Line(_("Pages of the manual: `custmerge help TOPIC`"), Style.HEADING),
        BLANK,
        topics,
        BLANK,
        _("How a command is called: `custmerge help COMMAND`, which is `custmerge COMMAND --help`."),
        _("All commands: `custmerge --help`"),
        _("Examples to copy: {folder}").format(folder=examples_folder()),
    )


def _summary(name: str) -> SafeText:
    text = _(TOPICS[name])
    return text if is_translated(name) else _("{summary} (in English)").format(summary=text)


def _show_page(context: Context, topic: str) -> None:
    page = manual_page(topic)
    if context.terminal.is_screen:
        apology = () if is_translated(topic) else (_("This page is in English only."), BLANK)
        context.terminal.page(*apology, Page(page))
    else:
        # As it was written, for other programs that show Markdown.
        print_line(page)


def _unknown(name: str) -> SafeText:
    """Return what to say of a topic that isn't there."""
    problem = _("There is no help on {name}: name a command, or one of {topics}.")
    said = problem.format(name=name, topics=literal(", ").join(TOPICS))
    meant = near(name, [*TOPICS, *VERBS])
    return literal(" ").join((said, _("Did you mean {near}?").format(near=_(" or ").join(meant)))) if meant else said


class HelpVerb(Verb):
    """Help that works where the settings don't: it explains them."""

    def begin(self, context: Context) -> None:
        """Take the settings as far as they can be read."""
        with suppress(CustmergeError):
            context.begin()


app = single(show_help, "custmerge help", "custmerge help exit-codes", "custmerge help transfer file", cls=HelpVerb)
