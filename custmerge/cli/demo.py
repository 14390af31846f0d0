"""custmerge demo: a small database of its own, and the article's whole way through it."""

import io
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from custmerge import files
from custmerge.cli.app import run, single
from custmerge.cli.context import Context
from custmerge.cli.examples import examples_folder
from custmerge.cli.language import SafeText, _, literal
from custmerge.cli.terminal import print_line, print_sentence
from custmerge.errors import N_, BadFile, ExitCode

SUPERVISOR_PASSWORD = "nur-in-der-vorfuehrung"  # noqa: S105 (of a database that is made for one demonstration)
TOKEN = "CUSTMERGE_TOKEN"  # noqa: S105 (the name of a variable)


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the demonstration."""

    says: SafeText
    """What it shows."""
    arguments: tuple[str, ...]
    password: str | None = None
    """What goes into standard input."""
    keeps_token: bool = False
    """Whether its output becomes CUSTMERGE_TOKEN."""
    ends_with: ExitCode = ExitCode.DONE


def steps(folder: Path) -> tuple[Step, ...]:
    """Return the way: set up, log in, verify, compare, merge, be refused, undo, look back."""
    customers, packages = str(folder / "customers.csv"), str(folder / "packages.csv")
    secret = "--password-stdin"  # noqa: S105 (an option)
    return (
        Step(
            _("A database and its first supervisor."),
            ("init", "--supervisor", "anna", secret),
            SUPERVISOR_PASSWORD,
        ),
        _login(),
        Step(_("She brings the example customers in."), ("import", "customers", customers)),
        Step(_("And their packages with the domains."), ("import", "packages", packages)),
        Step(
            _("A customer logs in; this number is the one that is kept."),
            ("login", "10001", secret, "--print-token"),
            "rosinenbrot-10001",
            True,
        ),
        Step(
            _("The proof for another number: one of its domains and the password."),
            ("verify", "20003", "--domain", "sonnentau-lager.example", secret),
            "hefezopf-20003",
        ),
        Step(_("What differs is highlighted."), ("diff", "20003"), ends_with=ExitCode.DIFFERS),
        Step(_("Adopt the data: the packages use those of 10001."), ("merge", "20003", "--adopt", "--yes")),
        Step(
            _("A further number. Here every field is only written in another way."),
            ("merge", "20002", "--domain", "brot-nach-hause.example", secret, "--yes"),
            "paketpasswort-2002",
        ),
        Step(
            _("Keep the data: the packages keep those of 20004; the mobile number is taken over."),
            ("merge", "20004", "--domain", "sonnentau-cafe.example", secret, "--keep", "--take", "mobile", "--yes"),
            "kaffee-20004",
        ),
        Step(
            _("Another company: that needs the signed contract transfer."),
            ("merge", "20005", "--domain", "sonnentau-ohg.example", secret, "--adopt", "--yes"),
            "semmel-20005",
            ends_with=ExitCode.BLOCKED,
        ),
        Step(_("This is how the two look side by side."), ("diff", "20005"), ends_with=ExitCode.BLOCKED),
        Step(
            _("A wrong password and an unknown number get the same answer."),
            ("verify", "99999", "--domain", "sonnentau-ohg.example", secret),
            "geraten",
            ends_with=ExitCode.NOT_ALLOWED,
        ),
        Step(_("All that is under the number that was kept."), ("show", "10001")),
        Step(_("And what happened, newest first."), ("history",)),
        Step(
            _("Anna logs in once more: a supervisor takes the last order back, exactly."),
            ("login", "--staff", "anna", secret, "--print-token"),
            SUPERVISOR_PASSWORD,
            True,
        ),
        Step(_("20004 is in use again, with its packages and domains."), ("undo", "3", "--yes")),
        Step(_("Proof that nobody touched what happened, and that nothing was lost."), ("audit",)),
    )


def _login() -> Step:
    arguments = ("login", "--staff", "anna", "--password-stdin", "--print-token")
    return Step(_("Anna logs in."), arguments, SUPERVISOR_PASSWORD, keeps_token=True)


def demo(
    ctx: typer.Context,
    directory: Annotated[
        str | None,
        typer.Option("--dir", metavar="DIR", help=_("Where to keep the database; else a temporary place.")),
    ] = None,
) -> None:
    """Build a small database and show the whole way, every step as the command that a person would type."""
    context: Context = ctx.obj
    folder = _folder(directory)
    url = f"sqlite:///{folder / 'demo.db'}"
    print_sentence(_("The database is {url}; every command below can be typed like this.").format(url=url))
    chosen = literal("export CUSTMERGE_DATABASE_URL={url}").format(url=shlex.quote(url))
    print_line(literal("\n$ {chosen}").format(chosen=chosen))
    environment = {
        "CUSTMERGE_DATABASE_URL": url,
        "CUSTMERGE_LANG": os.environ["LANGUAGE"],
        **({"NO_COLOR": "1"} if context.terminal.no_color else {}),
        **({"CUSTMERGE_PLAIN": "1"} if context.terminal.is_plain else {}),
    }
    with _environment(environment):
        for step in steps(examples_folder()):
            _run(step)
    end = _("Look around in it: paste these lines, then for instance `custmerge find sonnentau`.")
    print_sentence(literal("\n{end}").format(end=end))
    for line in (*_path_to_program(), chosen, _typed(_login())):
        print_line(literal("{line}").format(line=line))


def _folder(directory: str | None) -> Path:
    if directory is None:
        return Path(tempfile.mkdtemp(prefix="custmerge-demo-"))
    folder = Path(directory).absolute()
    try:
        files.make_folder(folder)
    except OSError as error:
        raise files.unwritable(directory, error) from None
    if (folder / "demo.db").exists():
        raise BadFile(file=str(folder / "demo.db"), why=N_("exists already: name another --dir"))
    return folder


def _path_to_program() -> tuple[str, ...]:
    """Return the line that makes `custmerge` known to the shell, where it was started by its path alone."""
    started = Path(sys.argv[0]).absolute()
    if shutil.which("custmerge") or not (started.name == "custmerge" and os.access(started, os.X_OK)):
        return ()
    return (f'export PATH={shlex.quote(str(started.parent))}:"$PATH"',)


def _typed(step: Step) -> str:
    """Return a step as a person types it."""
    command = shlex.join(("custmerge", *step.arguments))
    if step.password is not None:
        command = f"{command} <<< {shlex.quote(step.password)}"
    return f"export {TOKEN}=$({command})" if step.keeps_token else command


def _run(step: Step) -> None:
    print_sentence(literal("\n# {says}").format(says=step.says))
    print_line(literal("$ {command}").format(command=_typed(step)))
    typed = io.TextIOWrapper(io.BytesIO((step.password or "").encode()))
    printed = io.StringIO()
    before, sys.stdin = sys.stdin, typed
    try:
        with redirect_stdout(printed) if step.keeps_token else nullcontext():
            code = run(step.arguments)
    finally:
        sys.stdin = before
    if step.keeps_token:
        os.environ[TOKEN] = printed.getvalue().strip()
    if code != step.ends_with:
        raise typer.Exit(code or ExitCode.UNEXPECTED)
    if code:
        print_line(_("(exit code {code})").format(code=int(code)))


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    """Set variables for a while; a login's token from outside stays out of it."""
    before = dict(os.environ)
    os.environ.pop(TOKEN, None)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


app = single(demo, "custmerge demo", "custmerge --lang de demo --dir /tmp/custmerge")
