"""On 80, 60 and 40 columns nothing is lost: every table, every sentence, in both languages."""

import importlib
import io
import os
import pkgutil
import re
from collections import Counter

import pytest
from rich.console import Console
from rich.theme import Theme
from support.audit_outcomes import BAD, WORSE, audit_of
from support.checked_mappings import CHECKED
from support.marks import on_sqlite_alone
from support.typist import Typist
from support.world import a_customer, details

from custmerge.cli import language
from custmerge.cli.drawing import LEAST_VALUE, drawn
from custmerge.cli.language import literal
from custmerge.cli.render import text as renderers
from custmerge.cli.render.text import access, attach, audit, bulk, comparison, duplicates, history, records, settings
from custmerge.cli.render.text.parts import Grid, Line, Row, Table
from custmerge.cli.render.text.styles import definitions
from custmerge.rules.bulk import Batch, State
from custmerge.rules.compare import Status as IdentityStatus
from custmerge.rules.compare import compare
from custmerge.rules.duplicates.candidate import Candidate, Kind
from custmerge.rules.duplicates.dismissal import Dismissal
from custmerge.rules.fields import Field, Package
from custmerge.rules.people import Person, Role, Service
from custmerge.rules.plan import Choice, Order
from custmerge.rules.transfers import Form, Status, Transfer
from custmerge.services.duplicates.dismissals import Dismissed
from custmerge.services.find import Match, Profile, Reason
from custmerge.services.history import Event, Page
from custmerge.settings import Given, Source

URL = "postgresql://custmerge@db.intern.sonnentau.example:5432/register"
AT = "2026-11-28T01:59:03Z"
KEPT = a_customer("10003", company="Sonnentau Gärtnereibetriebe GmbH & Co. KG")
ABSORBED = a_customer(
    "20013",
    company="Sonnentau GmbH",
    street="Gartenweg 3",
    email="k.vogelsang-weissenburg@sonnentau-gartenbau.example",
)
TRANSFER = Transfer(
    id=2, survivor="10003", absorbed="20013", status=Status.REJECTED, filed_by="bernadette", filed_by_person=3, at=AT,
    form=Form("ab" * 32, 14_000, "application/pdf"), salt=b"", identity_sha256="", decided_by="annegret",
    reason="Unterschrift fehlt",
)  # fmt: skip
ORDER = Order(17, "10003", "20013", Choice.KEEP, (), AT, "bernadette")
BATCH = Batch(
    sha256="ab" * 32, state=State.FINISHED, rows=1200, at=AT, id=3, done=1200, merged=1187, approved_by="annegret",
    run_by="bernadette",
)  # fmt: skip
PACKAGE = Package("P20013", "10003", "Gartenbau", ("garten.example", "beet.example"), tuple(details().values()))
EVENTS = (
    Event(412, AT, "bernadette", "merge", 17, "10003", "20013", "keep", "", 2, 3, ("mobile",), ()),
    Event(
        411, AT, "annegret", "transfer_approve", None, "10003", "20013", None, "", None, None, (), (("row", "2"),)
    ),
)  # fmt: skip
SETTINGS = [
    Given("database_url", "postgresql://bernadette:***@server/kunden", Source.ENVIRONMENT, "CUSTMERGE_DATABASE_URL"),
    Given("retention_days", "365", Source.DEFAULT, ""),
]
DISMISSAL = Dismissal("10003", "20013", "Vater und Sohn, sagt die Tochter", "bernadette", AT, b"", "")
CANDIDATES = [
    Candidate(
        "10003", "20013", Kind.SAME, 0.98765, ("last name equal", "e-mail equal"), IdentityStatus.EQUIVALENT, 12
    ),
    Candidate("10003", "20014", Kind.SAME, None, ("name equal",), IdentityStatus.BLOCKED, 1, "20013", DISMISSAL),
]
REASONS = (Reason(None, "garten.example", 2), Reason(Field.PHONE, "0721 91374-0"))
SAMPLES = {
    access.staff_table: lambda draw: draw([Person(3, "bernadette", Role.SUPERVISOR, AT, AT, "")]),
    access.services_table: lambda draw: draw([Service(1, "nightly-audit", Role.AUDITOR, 1, "annegret", AT, AT, AT)]),
    access.transfers_table: lambda draw: draw([TRANSFER]),
    access.transfer_parts: lambda draw: draw(TRANSFER),
    attach.checked_parts: lambda draw: draw(CHECKED, "shop.toml"),
    attach.references_table: lambda draw: draw(CHECKED.references),
    audit.audit_parts: lambda draw: draw(audit_of(BAD, WORSE, more=2)),
    bulk.batches_table: lambda draw: draw([BATCH, BATCH]),
    comparison.comparison_parts: lambda draw: draw(compare(KEPT, ABSORBED), all_rows=True),
    duplicates.candidates_table: lambda draw: draw(CANDIDATES),
    duplicates.dismissed_table: lambda draw: draw([Dismissed(DISMISSAL, holds=False)]),
    history.history_table: lambda draw: draw(Page(EVENTS, {17: 413})),
    records.matches_table: lambda draw: draw([Match(KEPT, REASONS), Match(ABSORBED, ())]),
    settings.settings_table: lambda draw: draw(SETTINGS),
    records.profile_parts: lambda draw: draw(Profile(KEPT, (PACKAGE,), (ORDER,), {ORDER.order: 17})),
}
TYPED = re.compile(r" +(-|custmerge )")
UNIT = re.compile(r"\S+ → \S+|\d\d:\d\d:\d\d \w+|\S+")
"""What isn't broken: words, numbers of a pair, moments."""


@pytest.fixture(params=["en", "de"])
def spoken(request):
    before = os.environ.get("LANGUAGE")
    language.install(request.param)
    yield request.param
    os.environ.pop("LANGUAGE")
    if before is not None:
        os.environ["LANGUAGE"] = before


def screen(parts, width):
    console = Console(
        theme=Theme(definitions(None)), width=width, color_system=None, markup=False, file=io.StringIO()
    )
    for part in parts:
        console.print(drawn(part, width))
    return console.file.getvalue()


def texts_of(parts):
    """Every text that the parts have, without headings."""
    for part in parts:
        match part:
            case Table(rows=rows):
                for row in rows:
                    yield from map(text_of, row.cells if isinstance(row, Row) else row)
            case Grid(rows=rows):
                for row in rows:
                    yield from map(text_of, row)
            case _:
                yield text_of(part)


def text_of(cell):
    if isinstance(cell, Line):
        return cell.text + "".join(more.text for more in cell.more)
    return "" if cell is None else str(cell)


def test_every_table_is_walked_here():
    made = set()
    for module in pkgutil.iter_modules(renderers.__path__):
        found = vars(importlib.import_module(f"{renderers.__name__}.{module.name}"))
        made |= {value for name, value in found.items() if name.endswith(("_table", "_parts")) and name[0] != "_"}
    assert made == set(SAMPLES)


@pytest.mark.parametrize("width", [80, 60, 40])
@pytest.mark.parametrize("table", SAMPLES, ids=lambda table: table.__name__)
def test_every_cell_is_there_whole_at_every_width(spoken, table, width):
    parts = SAMPLES[table](table)
    parts = [parts] if isinstance(parts, Table) else parts
    drawn_text = screen(parts, width)
    assert max(map(len, drawn_text.splitlines())) <= width
    for text in texts_of(parts):
        for unit in UNIT.finditer(text):
            if len(unit[0]) <= LEAST_VALUE:
                assert unit[0] in drawn_text, text
    # Words that are folded stand among those of other columns: every letter is there.
    assert not Counter("".join("".join(texts_of(parts)).split())) - Counter(drawn_text)


def test_a_table_that_fits_is_a_table_and_one_that_does_not_is_records():
    table = bulk.batches_table([BATCH, BATCH])
    wide, narrow = screen([table], 80), screen([table], 40)
    assert wide.count("Approved by") == 1
    assert narrow.count("Approved by  annegret") == 2
    assert "\n\n" in narrow


def test_the_records_of_a_comparison_name_their_field_once_and_both_numbers():
    parts = comparison.comparison_parts(compare(KEPT, ABSORBED), all_rows=False)
    lines = [line.rstrip() for line in screen(parts, 40).splitlines()]
    at = lines.index("≠ street")
    assert lines[at + 1 : at + 3] == ["10003 kept        Marktstr. 12", "20013 taken over  Gartenweg 3"]


def test_sentences_break_at_words_and_commands_stay_whole():
    text = literal("There is no customer number 1: look it up with `custmerge find`, or ask `x`.").wrapped(40)
    assert text.split("\n") == ["There is no customer number 1: look it", "up with `custmerge find`, or ask `x`."]
    assert literal("  one two three\nfour").wrapped(10) == "  one two\n  three\nfour"
    assert literal("x" * 50).wrapped(40) == "x" * 50


@on_sqlite_alone
@pytest.mark.parametrize("width", [40, 60])
def test_errors_and_questions_break_at_words_on_a_terminal(world, agent, width):
    world.customer("10001")
    world.customer("20002", last_name="Anders")
    typist = Typist(
        agent, "transfer", "file", "20002", "--into", "10001", "--form", "no-such-file.pdf", COLUMNS=str(width)
    )
    assert typist.ends() == 2
    lines = typist.child.before.splitlines()
    assert "no-such-file.pdf" in "\n".join(lines)
    assert max(map(len, lines)) <= width


@on_sqlite_alone
@pytest.mark.parametrize("language", ["en", "de"])
def test_help_breaks_at_words_on_40_columns(agent, language):
    for command in ((), ("diff",), ("merge",), ("bulk", "run"), ("audit",), ("transfer",)):
        wide = agent(*command, "--help", CUSTMERGE_LANG=language, COLUMNS="200").out
        narrow = agent(*command, "--help", CUSTMERGE_LANG=language, COLUMNS="40").out
        # A word with hyphens may be broken behind one.
        assert "".join(narrow.split()) == "".join(wide.split())
        # Names of options and examples are typed: they aren't broken.
        assert [line for line in narrow.splitlines() if len(line) > 40 and not TYPED.match(line)] == []


@on_sqlite_alone
@pytest.mark.parametrize("width", [40, 60])
def test_a_terminal_that_can_do_nothing_still_has_its_width(world, agent, width):
    world.customer("10001", street="Am Alten Güterbahnhof 112")
    for command in (("audit",), ("show", "10001")):
        who = agent.as_("ada") if command == ("audit",) else agent
        typist = Typist(who, *command, columns=width, TERM="dumb", COLUMNS=None)
        assert typist.ends() == 0
        lines = typist.child.before.splitlines()
        assert max(map(len, lines)) <= width
        if command == ("audit",):
            assert sum(not line.strip() for line in lines) <= 2
