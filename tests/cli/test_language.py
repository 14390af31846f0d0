"""One catalogue: every text is in it, in German, with the same blanks to fill."""

import ast
import errno
import re
import string

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from custmerge import errors, files
from custmerge.cli.words import fact_label, sentence
from custmerge.rules.transfers import Why

KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}
WORD = re.compile(r"[A-Za-zÄÖÜäöüß]+")
NO_PROSE = re.compile(r"`[^`]*`|\{[^}]*\}|(?<!\w)--?[a-z-]+|\S*[/_:.?=]\S+|\b[A-Z]{2,}\b")
"""Commands, places for values, options, files and URLs, and what is written in capitals."""
IN_BOTH = (
    "agent also an anna argument byte bytes cluster code csv domain domains export format gb hash hashes home "
    "import in index link links mail mb minute n name option person personal problem rest server shell so stand "
    "superuser supervisor terminal text token tokens trigger triggers version was y"
)
NAMES = (
    "absorbed adopt agent amcheck argon audit auditor bash bcrypt bulk c chain checkpoint cherokee chmod choice "
    "columns crypt customer custmerge d de doctor drop e ed en excel f false file fish full help ignore install "
    "integrity java jsonl keep keyring keys leave libpq merge move ok package password pg pip pipes policy postgre "
    "postgresql powershell qwertz reference refuse s same spark sqlite survivor t tables true undo unique verify "
    "w where write zsh"
)
"""Of programs, columns, checks, choices, settings and keys of a mapping, as they are typed."""
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


def test_a_german_text_has_no_english_words(catalogue):
    """A word of the English texts stands in a German one only where it is German too, or the name of something."""
    english, german = set(), set()
    for entry in filter(lambda entry: entry.id, catalogue):
        for texts, words in ((entry.id, english), (entry.string, german)):
            for text in texts if isinstance(texts, tuple) else (texts,):
                words.update(word.lower() for word in WORD.findall(NO_PROSE.sub(" ", text)))
    assert sorted(english & german - {*IN_BOTH.split(), *NAMES.split()}) == []


def test_every_reason_in_an_error_is_translated(repository):
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    for path in (repository / "custmerge").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] in kinds:
                given = {word.arg: word.value for word in call.keywords}
                reasons = [given.get(name) for name in ("why", "what", "reason")]
                assert not any(isinstance(reason, (ast.Constant, ast.JoinedStr)) for reason in reasons), (
                    f"{path}:{call.lineno}"
                )


def test_no_text_is_hidden_from_the_catalogue_inside_an_f_string(repository):
    for path in (repository / "custmerge").rglob("*.py"):
        assert not re.search(r"\{_\(", path.read_text("utf-8")), path


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_reason_why_a_transfer_is_void_is_told_in_words(monkeypatch, language):
    monkeypatch.setenv("LANGUAGE", language)
    told = [fact_label("why", why.value) for why in Why]
    assert len({*told}) == len(Why)
    assert not {*told} & {*Why}
    assert not any("_" in text for text in told)
    assert ("zurückgezogen" in told) == (language == "de")


def test_why_a_file_cannot_be_written_is_german_and_a_missing_folder_is_to_be_made(monkeypatch):
    monkeypatch.setenv("LANGUAGE", "de")
    said = sentence(files.unwritable("c.csv", OSError(errno.ENOTDIR, "")))
    assert said == "c.csv: nicht beschreibbar (das ist kein Verzeichnis)."
    said = sentence(files.unwritable("/no/such/c.csv", OSError(errno.ENOENT, "")))
    assert (
        said == "/no/such/c.csv: nicht beschreibbar, weil es den Ordner /no/such nicht gibt: Legen Sie ihn zuerst an."
    )


def test_help_is_german_throughout(sqlite_cli):
    done = sqlite_cli.subprocess("--lang", "de", "merge", "--help")
    assert done.code == 0
    assert done.out.startswith("Aufruf: custmerge merge [OPTIONEN] [NUMMER]\n")
    assert "Straße" in done.out
    for german in ("Optionen:", "Argumente:", "Beispiele:", "Diese Hilfe zeigen.", "beibehaltene"):
        assert german in done.out
    for english in ("Usage", "Options", "Show this", "number", "packages"):
        # Not as a part of a field's name, which is the same in every language.
        assert not re.search(rf"\b{english}\b", done.out)


def test_wrong_use_is_explained_in_german(sqlite_cli):
    done = sqlite_cli.subprocess("--lang", "de", "show", CUSTMERGE_TOKEN="token-of-ben")
    assert (done.code, done.err) == (2, "custmerge: Das Argument NUMMER fehlt.\n")


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


@pytest.mark.parametrize(
    ("language", "number", "since", "empty", "chosen"),
    [
        ("en", "number ä is longer than 64 characters.", "--since x isn't a date", "number is empty.",
         "lang fr: choose"),
        ("de", "Kundennummer ä ist länger als 64 Zeichen.", "--since x ist kein Datum", "Kundennummer ist leer.",
         "lang fr: Wählen Sie"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_taken_is_the_subject_of_its_sentence(
    monkeypatch, language, number, since, empty, chosen
):
    monkeypatch.setenv("LANGUAGE", language)
    long, none = (errors.BadValue(name="number", value=value, why=why) for value, why in (
        ("ä", "is longer than 64 characters"), ("", "is empty")))  # fmt: skip
    assert (sentence(long), sentence(none)) == (number, empty)
    why = "isn't a date like 2026-01-31 or 2026-01-31T08:00"
    assert sentence(errors.BadValue(name="--since", value="x", why=why)).startswith(since)
    assert sentence(errors.BadValue(name="lang", value="fr", why="choose de or en")).startswith(chosen)
