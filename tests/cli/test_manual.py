"""`custmerge help`: the pages of the manual, on a terminal and for programs; nothing that a page says gets lost."""

import io
import re
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console
from support.marks import on_sqlite_alone
from support.typist import Typist

from custmerge.cli.help import TOPICS
from custmerge.cli.language import SafeText
from custmerge.cli.markdown import Manual, in_plain_lines

GERMAN = {"attach", "agent", "cron", "duplicates", "exit-codes", "glossary", "rules", "supervisor"}
PERSON = {"COLUMNS": None, "CI": None, "PAGER": ""}


@pytest.fixture
def pages(repository):
    """The pages of the manual by language and topic."""
    return {
        (path.parent.name, path.stem): path.read_text("utf-8")
        for path in (repository / "custmerge" / "help").glob("*/*.md")
    }


def drawn(page, width, color_system=None):
    console = Console(
        file=io.StringIO(), width=width, force_terminal=True, color_system=color_system, markup=False, highlight=False
    )
    console.print(Manual(SafeText(page)), crop=False)
    return console.file.getvalue()


def test_every_topic_has_its_english_page_and_some_a_german_one(pages):
    assert {topic for language, topic in pages if language == "en"} == set(TOPICS)
    assert {topic for language, topic in pages if language == "de"} == GERMAN


def test_help_lists_the_topics_and_says_which_are_english(sqlite_cli):
    done = sqlite_cli("help")
    assert (done.code, done.err) == (0, "")
    assert [line.split()[0] for line in done.out.splitlines() if line.startswith("  ")] == list(TOPICS)
    folder = done.out.splitlines()[-1].removeprefix("Examples to copy: ")
    assert (Path(folder) / "cron" / "crontab").is_file()
    lines = sqlite_cli.subprocess("--lang", "de", "help", COLUMNS="200").out.splitlines()
    shown = [line for line in lines if line.startswith("  ")]
    assert {line.split()[0] for line in shown if "(englisch)" not in line} == GERMAN


def test_a_page_is_the_markdown_file_where_no_person_reads_it(sqlite_cli, pages):
    for topic in TOPICS:
        assert sqlite_cli.in_process("help", topic).out == pages["en", topic]
    assert sqlite_cli("help", "rules", "--lang", "de").out == pages["de", "rules"]
    assert sqlite_cli("help", "files", "--lang", "de").out == pages["en", "files"]


@pytest.mark.parametrize("words", [("merge",), ("transfer",), ("transfer", "file")], ids=" ".join)
def test_help_of_a_command_is_what_its_option_shows(sqlite_cli, words):
    assert sqlite_cli("help", *words) == sqlite_cli(*words, "--help")


def test_without_a_command_the_help_is_shown(sqlite_cli):
    assert sqlite_cli() == sqlite_cli("--help")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rulse",), "There is no help on rulse: name a command, or one of agent, supervisor, "),
        (("rulse",), "Did you mean rules?"),
        (("\x1b[31m",), "There is no help on \\x1b[31m: "),
        (("rules", "files"), "There is no help on rules files: "),
        (("--", "merge", "--yes"), "There is no help on merge --yes: "),
        (("transfer", "nix"), "There is no command nix."),
    ],
)
def test_an_unknown_topic_is_wrong_use_and_names_those_that_there_are(sqlite_cli, words, said):
    done = sqlite_cli("help", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_help_works_where_the_settings_do_not(sqlite_cli):
    (sqlite_cli.folder / "bad.toml").write_text("lang = 7\n")
    bad = str(sqlite_cli.folder / "bad.toml")
    assert sqlite_cli("whoami", CUSTMERGE_CONFIG=bad).code == 2
    assert sqlite_cli("help", "settings", CUSTMERGE_CONFIG=bad).code == 0


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_page_loses_anything_or_is_wider_than_the_screen(pages, width):
    for name, page in pages.items():
        seen = drawn(page, width)
        code = [
            f"    {line}"
            for block in re.findall(r"^```.*?\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
            for line in block.split("\n")
        ]
        assert {line for line in seen.splitlines() if len(line) > width} <= {*code}, name
        # What is copied from the screen into a shell is what the page has.
        assert {line for line in code if line.strip()} <= {*seen.splitlines()}, name
        # Left out are what links lead to, the languages of blocks of code, and what is said to a test.
        said = re.sub(r"\]\([^)]+\)|^```\w+|^<!--.*-->$", "", page, flags=re.MULTILINE)
        lost = Counter(re.findall(r"\w", said)) - Counter(re.findall(r"\w", seen))
        assert not lost, (name, lost)


def test_a_page_has_no_colours_that_a_background_could_swallow(pages):
    for page in pages.values():
        codes = {
            code
            for found in re.findall(r"\x1b\[([\d;]*)m", drawn(page, 80, "truecolor"))
            for code in found.split(";")
        }
        assert codes <= {"0", "1", "3", "4"}


def test_where_nothing_can_be_bold_code_and_headings_are_marked(pages):
    seen = drawn(pages["en", "rules"], 80)
    assert "\nHow fields compare\n------------------" in re.sub(r" +\n", "\n", seen)
    assert "`--adopt` or `--keep`" in seen
    assert "`" not in drawn(pages["en", "rules"], 80, "standard")


def test_a_plain_page_has_no_columns_and_whole_lines(pages):
    for language, topic in pages:
        shown = in_plain_lines(SafeText(pages[language, topic]))
        assert not re.search(r"[\u2500-\u257f]|^-{4}|^\|", shown, re.MULTILINE), topic
    lines = in_plain_lines(SafeText(pages["en", "agent"])).splitlines()
    at = lines.index("mark: `=`")
    assert lines[at : at + 3] == ["mark: `=`", "  means: the same text", ""]


@on_sqlite_alone
def test_a_page_goes_through_the_pager_on_a_terminal_and_not_on_a_dumb_one(cli):
    pager = cli.folder / "my-pager"
    pager.write_text("#!/bin/sh\necho PAGED\ncat\n")
    pager.chmod(0o755)

    def seen(topic, **environment):
        typist = Typist(cli, "help", topic, rows=24, **{**PERSON, **environment})
        assert typist.ends() == 0
        return typist.child.before

    paged = seen("rules", PAGER=str(pager))
    assert paged.startswith("PAGED")
    assert "\x1b[1m--adopt\x1b[0m" in paged
    for plain in (seen("rules", TERM="dumb", PAGER=str(pager)), seen("rules", NO_COLOR="1")):
        assert "PAGED" not in plain
        assert "\x1b" not in plain
        assert "`--adopt`" in plain
    assert seen("rules", CUSTMERGE_LANG="de").lstrip().startswith("\x1b[1;4mRegeln des Zusammenführens")
    apology, title = seen("files", CUSTMERGE_LANG="de").split("\r\n\r\n")[:2]
    assert (apology, "Files" in title) == ("Diese Seite gibt es nur auf Englisch.", True)
