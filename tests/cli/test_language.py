"""One catalogue: every text is in it, in German, with the same blanks to fill."""

import re
import string

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}
# Typer asks gettext for these of its own.
TYPERS = {"Options", "Commands", "Arguments", "required", "default: {default}"}


@pytest.fixture(scope="module")
def catalogue(repository):
    with (repository / "custmerge/locale/de/LC_MESSAGES/custmerge.po").open("rb") as file:
        return read_po(file)


@pytest.fixture(scope="module")
def extracted(repository):
    found = extract_from_dir(repository / "custmerge", keywords=KEYWORDS, method_map=[("**.py", "python")])
    return {message for _, _, message, _, _ in found}


def test_every_text_of_the_program_is_translated(catalogue, extracted):
    missing = [
        message for message in extracted if not (entry := catalogue.get(message)) or not entry.string or entry.fuzzy
    ]
    assert missing == []


def test_the_catalogue_holds_nothing_that_the_program_does_not_say(catalogue, extracted):
    known = extracted | TYPERS
    assert [entry.id for entry in catalogue if entry.id and entry.id not in known] == []


def test_translations_have_the_same_blanks(catalogue):
    def blanks(text):
        return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)

    for entry in catalogue:
        originals = entry.id if isinstance(entry.id, tuple) else (entry.id,)
        translations = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        if entry.id:
            assert {tuple(blanks(text)) for text in translations} == {tuple(blanks(text)) for text in originals}


def test_no_text_is_hidden_from_the_catalogue_inside_an_f_string(repository):
    for path in (repository / "custmerge").rglob("*.py"):
        assert not re.search(r"\{_\(", path.read_text("utf-8")), path


def test_help_is_german_throughout(sqlite_cli):
    done = sqlite_cli.subprocess("--lang", "de", "merge", "--help")
    assert done.code == 0
    for german in ("Aufruf:", "Optionen:", "Argumente:", "Beispiele:", "Diese Hilfe zeigen.", "beibehaltene"):
        assert german in done.out
    for english in ("Usage", "Options", "Show this", "number", "packages"):
        assert english not in done.out


def test_wrong_use_is_explained_in_german(sqlite_cli):
    done = sqlite_cli.subprocess("--lang", "de", "show")
    assert (done.code, done.err) == (2, "custmerge: Das Argument NUMBER fehlt.\n")


def test_a_field_is_called_as_in_the_article(world, agent):
    world.customer("10001")
    world.customer("20002", company="Anders", street="Gartenweg 3")
    done = agent("--lang", "de", "diff", "20002", "--into", "10001", "--all")
    for label in ("Firma", "Vorname", "Nachname", "Straße", "Postleitzahl", "Ort", "Telefon", "Handy", "Kontonummer"):
        assert label in done.out
    assert "Vertragsübergabe" in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("history", "--action", "foo"), "--action: foo ist keines von"),
        (("history", "--limit", "x"), "--limit braucht eine ganze Zahl."),
        (("history", "--limit", "0"), "--limit: mindestens 1."),
        (("show", "1", "2"), "Es sind mehr Argumente"),
        (("whoami", "-f", "xml"), "--format: xml ist keines von"),
    ],
)
def test_wrong_use_is_told_in_german(sqlite_cli, arguments, said):
    done = sqlite_cli("--lang", "de", *arguments)
    assert done.code == 2
    assert done.err.startswith(f"custmerge: {said}")


def test_german_tables_have_german_words(world, cli, agent):
    world.customer("10001")
    world.customer("20002", password="pw-2", domains=["zwei.example"])
    proof = ("--domain", "zwei.example", "--password-stdin")
    agent("merge", "20002", "--into", "10001", *proof, "--yes", stdin="pw-2")
    assert "Zusammenführung" in agent("--lang", "de", "history").out
    assert "identisch" in agent("--lang", "de", "show", "10001").out
    assert agent("--lang", "de", "history", "-f", "json").json[0]["action"] == "merge"
