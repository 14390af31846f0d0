"""No command says a word of the other language: help, wrong use, errors, the history, audits, tables."""

import ast
import json
import re
import subprocess
import sys
from contextlib import closing
from functools import cache
from itertools import cycle
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from support.audit_outcomes import audit_of
from support.marks import on_sqlite_alone
from support.scenes import scene

from custmerge import errors
from custmerge.cli import language
from custmerge.cli.help import TOPICS
from custmerge.cli.plain import plain_lines
from custmerge.cli.render.text.audit import audit_parts
from custmerge.cli.words import sentence
from custmerge.rules.audit import CheckName, Finding, Severity
from custmerge.rules.fields import IDENTITY_FIELDS
from custmerge.rules.history import Action, Actor, Draft
from custmerge.rules.people import Role
from custmerge.rules.transfers import Status
from custmerge.storage.database import Database

ROOT = Path(__file__).parents[2]
WORD = re.compile(r"[A-Za-zÄÖÜäöüß]+")
CHOICES = "|".join((*Action, *Status, *Role, *CheckName, *TOPICS, "customers", "packages", "table", "json"))
TYPED = re.compile(
    r"`[^`]*`|\S*[/_.=@]\S+|(?<!\w)--?[a-z-]+|\b[A-Z]+\b|\b[a-z]+(?:\|[a-z]+)+|\[\w+:\s+\w+\]|\b[0-9a-f]{8,}\b"
    rf"|\b(?:{CHOICES})(?:,\s+(?:{CHOICES}))+\b"
)
"""Commands, files, URLs, options and their choices, what stands for a value, digests."""
LEFT_COLUMN = re.compile(
    r"^ +custmerge .*|^(?:Aufruf|Usage): custmerge [a-z ]*|^ {4}(?:pass|export) .*"
    r"|^[✓!✗]:? +[a-z]+ |^ +[a-z_]+(?=  )|^(?:Von|By): .*|(?:Befehl|command): .*",
    re.MULTILINE,
)
"""Examples, the names of commands, checks and settings before what they mean, who did something by which command."""
COMMON = "a and effect for is isn none not of once one take the will with your"
"""English words that a library may say, and no text of ours may."""
IN_BOTH = "agent code lang take trigger"
"""German too, or a name that is typed."""
SAMPLES = {
    "role": [*Role],
    "allowed": [[Role.SUPERVISOR, Role.AUDITOR]],
    "status": [*Status],
    "fields": [list(IDENTITY_FIELDS)],
    "blocked_by": [list(IDENTITY_FIELDS)],
    "reason": ["No such file or directory", "Permission denied", "File exists"],
    "at": ["2026-11-28T01:59:03Z"],
}
"""Details of errors that are words of the program."""
WALK = """
import json, sys
from support.in_process import run_here
from custmerge.cli.app import VERBS

folder, environ, lines = json.loads(sys.stdin.read())
told = []
for token, line in lines:
    code, out, err = run_here(line, {**environ, "CUSTMERGE_TOKEN": token}, folder, "")
    told.append((code, out + err))
json.dump(told, sys.stdout)
"""


class Words:
    """The words of either language, from the catalogue; those that are in both tell nothing."""

    def __init__(self):
        with (ROOT / "custmerge/locale/de/LC_MESSAGES/custmerge.po").open("rb") as file:
            entries = [entry for entry in read_po(file) if entry.id]
        english, german = set(COMMON.split()), set()
        for entry in entries:
            english |= words_of(" ".join(entry.id) if isinstance(entry.id, tuple) else entry.id)
            german |= words_of(" ".join(entry.string) if isinstance(entry.string, tuple) else entry.string)
        machine = {word for kind in (Action, Role, Status) for name in kind for word in name.split("_")}
        neither = german & english | {*IN_BOTH.split()}
        self.foreign = {"de": (english | machine) - german - neither, "en": german - machine - neither}

    def strange(self, spoken, text):
        return sorted(words_of(text) & self.foreign[spoken])


def words_of(text):
    return {word.lower() for word in WORD.findall(TYPED.sub(" ", re.sub(r"\{\w+\}", " ", text)))}


@pytest.fixture(scope="module")
def words():
    return Words()


@pytest.fixture(params=["de", "en"])
def spoken(request, monkeypatch):
    monkeypatch.setenv("LANGUAGE", request.param)
    return request.param


@cache
def calls():
    """Every call in the program, and the name of what is called."""
    return list(_calls())


def _calls():
    for path in (ROOT / "custmerge").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                yield node, ast.unparse(node.func).rpartition(".")[2]


def marked():
    """Every text of the program that is translated where it is shown."""
    return [
        node.args[0].value
        for node, name in calls()
        if name == "N_" and isinstance(node.args[0], ast.Constant) and node.args[0].value
    ]


def raised():
    """Every error, as each place in the program raises it: its details are constants, marked texts, or samples."""
    kinds = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}
    samples = {name: cycle(values) for name, values in SAMPLES.items()}
    for kind in kinds.values():
        if issubclass(kind, errors.CustmergeError) and kind.template:
            yield kind(**{name: next(samples.get(name, cycle(["4711"]))) for name in places(kind.template)})
    for node, name in calls():
        if issubclass(kinds.get(name, object), errors.CustmergeError):
            given = {word.arg: detail(word, samples) for word in node.keywords if word.arg}
            missing = places(kinds[name].template) | places(str(given.get("why", "")))
            rest = {place: next(samples.get(place, cycle(["4711"]))) for place in missing - given.keys()}
            yield kinds[name](**given, **rest)


def detail(keyword, samples):
    value = keyword.value
    if isinstance(value, ast.Constant):
        return value.value
    if isinstance(value, ast.Call) and ast.unparse(value.func) in ("N_", "_"):
        text = value.args[0].value
        return text if ast.unparse(value.func) == "N_" else language._(text)
    return next(samples.get(keyword.arg, cycle(["4711"])))


def places(template):
    return set(re.findall(r"\{(\w+)\}", template))


def findings():
    """A finding for each subject that the program writes."""
    for node, name in calls():
        if name in ("add", "warn") and len(node.args) > 2 and isinstance(node.args[1], (ast.Constant, ast.JoinedStr)):
            parts = node.args[1].values if isinstance(node.args[1], ast.JoinedStr) else [node.args[1]]
            subject = "".join(part.value if isinstance(part, ast.Constant) else "17" for part in parts)
            yield Finding(CheckName.CHAIN, Severity.WARNING, subject, "17")


def test_no_error_and_no_finding_says_a_word_of_the_other_language(words, spoken):
    told = [sentence(error) for error in raised()]
    told += [
        sentence(errors.BadFile(file="x.csv", why=text, **dict.fromkeys(places(text) - {"why", "file"}, "4711")))
        for text in marked()
        if "{why}" not in text
    ]
    told += [line for part in audit_parts(audit_of(*findings())) for line in plain_lines(part)]
    told = [LEFT_COLUMN.sub("", text) for text in told]
    assert {text: strange for text in told if (strange := words.strange(spoken, text))} == {}


@scene
def lived(world, cli, agent, supervisor):
    """Everything that the history can tell has happened."""
    world.customer("10001", password="pw-1", domains=["eins.example"])
    for number in ("20002", "20003", "20004"):
        world.customer(number, password="pw", domains=[f"n{number}.example"], street="Marktstr. 13")
    for number in ("30003", "30004", "30005"):
        world.customer(number, company="Xx")
    for name in ("form.pdf", "pairs.csv"):
        (world.folder / name).write_text(
            "%PDF-" if name == "form.pdf" else "survivor,absorbed,choice\n10001,20004,keep\n"
        )
    into = ("--into", "10001")
    proof = ("--password-stdin", "--yes", "--adopt", "--take", "street")
    for who, line, typed in (
        *(
            (agent, ("transfer", "file", number, *into, "--form", "form.pdf"), "")
            for number in ("30003", "30004", "30005")
        ),
        (supervisor, ("transfer", "approve", "1", "--yes"), ""),
        (supervisor, ("transfer", "reject", "2", "--reason", "4711", "--yes"), ""),
        (agent, ("transfer", "withdraw", "3", "--yes"), ""),
        (supervisor, ("transfer", "show", "1", "--save", "4711.pdf"), ""),
        (agent, ("merge", "20002", *into, "--domain", "n20002.example", *proof), "pw"),
        (agent, ("merge", "20003", *into, "--domain", "n20003.example", *proof), "pw"),
        (agent, ("undo", "2", "--yes"), ""),
        (supervisor, ("bulk", "approve", "pairs.csv", "--yes"), ""),
        (agent, ("bulk", "run", "pairs.csv"), ""),
        (supervisor, ("user", "add", "ute", "--role", "agent", "--password-stdin"), "rhabarber-9-kompott"),
        (supervisor, ("user", "role", "ute", "auditor"), ""),
        (supervisor, ("user", "password", "ute", "--password-stdin"), "holunder-7-bluete"),
        (supervisor, ("user", "unlock", "ute"), ""),
        (supervisor, ("user", "disable", "ute", "--yes"), ""),
        (supervisor, ("token", "create", "xaver", "--role", "auditor"), ""),
        (supervisor, ("token", "revoke", "xaver", "--yes"), ""),
        (supervisor, ("export", "customers"), ""),
        (supervisor, ("duplicates", "dismiss", "10001", "30003", "--reason", "4711"), ""),
        (supervisor, ("duplicates", "dismiss", "10001", "30004", "--reason", "4711"), ""),
        (supervisor, ("duplicates", "undismiss", "10001", "30004"), ""),
        (agent, ("diff", "20003", *into, "--reveal"), ""),
    ):
        done = who.in_process(*line, stdin=typed)
        assert done.code in (0, 1), (line, done.err)
    assert agent.in_process("purge", "--older-than", "1d", "--yes").code == 4
    for _ in range(6):
        cli.in_process("login", "--staff", "ada", "--password-stdin", "--print-token", stdin="x")
        agent.in_process("verify", "20003", *into, "--domain", "n20003.example", "--password-stdin", stdin="x")
    erased = {"until": "2026-01-31T00:00:00Z", "orders": 1, "forms": 1, "reasons": 1, "rows": 1}
    drafts = [
        Draft("2026-11-28T01:59:03Z", Actor("anna", "staff"), Action.PURGE, erased),
        Draft("2026-11-28T01:59:03Z", Actor("attach", "system"), Action.ATTACH, {"name": "4711"}),
    ]
    with closing(Database(world.url)) as database:
        database.try_once(lambda unit: unit.chain.append(drafts), wait_seconds=1)
    return world


def lines_of_everybody():
    """Who types what: each command's help, wrong use, and what everybody looks at."""
    from custmerge.cli.app import VERBS

    for verb in VERBS:
        yield "ben", (verb, "--help")
    for group, names in GROUPS.items():
        yield "ben", (group, "nonsense")
        for name in names.split():
            yield "ben", (group, name, "--help")
            yield "ben", (group, name)
    yield from ((name, tuple(line.split())) for name, line in LOOKS)


GROUPS = {
    "bulk": "approve check run status", "config": "show", "export": "customers history packages",
    "duplicates": "dismiss undismiss dismissed",
    "import": "customers packages", "token": "create list revoke",
    "transfer": "approve file list reject show withdraw", "user": "add disable list password role unlock",
}  # fmt: skip
LOOKS = [
    *(("ada", f"--plain history --action {action}") for action in Action),
    *(("ada", line) for line in ("user list", "token list", "audit", "doctor", "config show", "whoami")),
    *(("ada", line) for line in ("history --action foo", "history --limit x", "history --since 4711")),
    *(("ben", line) for line in ("diff 30003 10001", "diff 20003 10001", "show 10001", "find Katrin", "find 4711x")),
    *(("ben", line) for line in ("transfer list", "transfer show 2", "transfer show 9", "undo --batch 9")),
    *(("ben", line) for line in ("merge 4711", "merge 20003 --into 10001", "merge 30003 --into 10001 --dry-run")),
    *(("ben", line) for line in ("audit -f xml", "bulk status", "transfer list --status x", "show 4711", "purge")),
    *(("ben", line) for line in ("undo", "undo 1", "undo 2", "undo --batch 1 --dry-run", "bulk check pairs.csv")),
    *(("anna", line) for line in ("user role ute x", "user add ben --role agent", "token create a --role x")),
    *(("anna", line) for line in ("transfer file 1 --into 2 --form no.pdf", "purge --older-than x", "export 4711")),
    *(("ben", line) for line in ("diff --nonsense", "diff 4 7 1 1", "nonsens", "merge --take", "whoami --quiet=4")),
    *(("anna", line) for line in ("duplicates", "duplicates dismissed", "duplicates --model 4711")),
    *(("nobody", line) for line in ("attach", "attach --show", "attach 4711.toml", "attach 4711.toml --show")),
    *(("nobody", line) for line in ("whoami", "--version", "--show-completion", "--install-completion bash")),
]  # fmt: skip


@on_sqlite_alone
def test_no_command_says_a_word_of_the_other_language(words, lived, cli):
    typed = list(lines_of_everybody())
    for spoken in ("de", "en"):
        environ = cli.environ(
            CUSTMERGE_LANG=spoken, SHELL="/bin/bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"
        )
        wanted = [str(cli.folder), environ, [(f"token-of-{name}", line) for name, line in typed]]
        path = f"{ROOT / 'tests'}:{ROOT}"
        walked = subprocess.run(
            [sys.executable, "-c", WALK],
            env={**environ, "PYTHONPATH": path}, input=json.dumps(wanted), capture_output=True, text=True, check=True,
        )  # fmt: skip
        told = dict(zip(typed, json.loads(walked.stdout), strict=True))
        for action in Action:
            assert "\n" in told["ada", ("--plain", "history", "--action", action)][1], f"{action} didn't happen"
        assert not [line for line, (_, text) in told.items() if "error-" in text], "unexpected errors"
        said = {line: TYPED.sub(" ", LEFT_COLUMN.sub("", text)).splitlines() for line, (_, text) in told.items()}
        strange = [
            (" ".join(line[1]), text, strange)
            for line, texts in said.items()
            for text in texts
            if (strange := words.strange(spoken, text))
        ]
        assert strange == []
