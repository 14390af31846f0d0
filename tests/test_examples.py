"""The examples do what they say: the verifying program, and every command line of cron, systemd, Nagios, Icinga."""

import json
import re
import shlex
import subprocess
import sys

import pytest

from custmerge.rules.history import NO_HASH, Action, Actor, Draft, Head, extend

ANNA = Actor("anna", "staff")
# Everything that RFC 8785 writes in a way of its own: quotes, control characters, letters beyond ASCII and the BMP.
HARD = '"\\/\b\f\n\r\t\x00\x1f\x7f\u2028öäü€😀\ufb33'


def exported(entries):
    return "".join(
        json.dumps({"body": json.loads(entry.body), "hash": entry.hash}, ensure_ascii=position % 2 == 0) + "\n"
        for position, entry in enumerate(entries)
    )


@pytest.fixture(scope="module")
def history():
    """An exported history with texts that are hard to write, and its end."""
    facts = [{"text": HARD, "list": [HARD, "x"], "nothing": None, "number": 2**53 - 1, "Z": -1} for _ in range(4)]
    entries = extend(
        Head(0, NO_HASH, 0), [Draft("2026-01-31T08:00:00Z", ANNA, Action.IMPORT, fact) for fact in facts]
    )
    return exported(entries), entries[-1].hash


@pytest.fixture
def verify(repository, tmp_path):
    def run(text):
        path = tmp_path / "history.jsonl"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        # -I: nothing but the standard library.
        line = [sys.executable, "-I", str(repository / "examples" / "verify_history.py"), str(path)]
        return subprocess.run(line, capture_output=True, text=True, check=False)

    return run


def test_the_verifying_program_agrees_with_custmerge(world, supervisor, verify):
    world.customer("10001", domains=["müller.example"])
    text = supervisor("export", "history", "-f", "jsonl").out
    last = json.loads(text.splitlines()[-1])
    done = verify(text)
    assert (done.returncode, done.stdout) == (0, f"{last['body']['seq']} {last['hash']}\n")


def test_the_verifying_program_writes_hard_texts_as_rfc_8785_does(history, verify):
    text, head = history
    assert verify(text).stdout == f"4 {head}\n"


def test_an_empty_history_verifies(verify):
    assert verify("").stdout == f"0 {NO_HASH}\n"


@pytest.mark.parametrize("line", [1, 3, 4])
@pytest.mark.parametrize("change", ["body", "hash", "drop", "double", "cut", "garbage", "empty", "no object", "deep"])
def test_the_verifying_program_names_the_first_bad_line(history, verify, line, change):
    # Not splitlines: a text may hold other characters that end a line.
    lines = [text + "\n" for text in history[0].split("\n")[:-1]]
    at = line - 1
    match change:
        case "body":
            lines[at] = lines[at].replace("anna", "ben")
        case "hash":
            lines[at] = re.sub(r'("hash": ".)(.)', lambda m: m[1] + ("0" if m[2] != "0" else "1"), lines[at])
        case "drop":
            # What is cut off at the end nobody can see: that is what checkpoints are for.
            lines[at : at + 1] = [] if line < 4 else ["{}\n"]
        case "double":
            lines.insert(at, lines[at - 1])
        case "cut":
            lines[at] = lines[at][:-10]
        case _:
            lines[at] = {"garbage": "\x00\n", "empty": "\n", "no object": "[1]\n", "deep": "[" * 100_000 + "\n"}[
                change
            ]
    done = verify("".join(lines))
    assert done.returncode == 1
    assert f"line {line}:" in done.stderr
    assert "Traceback" not in done.stderr


def test_any_changed_byte_is_found(history, verify):
    whole = history[0].encode()
    for position in range(0, len(whole), 97):
        if whole[position : position + 1].isspace():
            continue
        changed = bytearray(whole)
        changed[position] ^= 0x01
        done = verify(bytes(changed))
        if done.returncode == 0:
            # A `/` may be written as `\/` and an `é` in hex digits of either case: it says the same.
            assert [json.loads(line) for line in changed.split(b"\n")[:-1]] == [
                json.loads(line) for line in whole.split(b"\n")[:-1]
            ]


def command_lines(repository):
    """Every command line of custmerge's in the examples, without what only its own program fills in."""
    examples = repository / "examples"
    for name in ("cron/crontab", "systemd/custmerge-audit.service", "nagios/custmerge.cfg"):
        for line in (examples / name).read_text("utf-8").splitlines():
            if found := re.search(r"(?:^|/|\s)custmerge (--no-input .*)", line):
                yield name, shlex.split(found[1])
    icinga = (examples / "icinga2" / "custmerge.conf").read_text("utf-8")
    command = json.loads(re.search(r"command = (\[.*\])", icinga)[1])
    options = re.findall(r'"(--[a-z-]+)" = \{', icinga)
    taken = {"--checkpoint": ["c"], "--since-checkpoint": [], "--skip": ["forms"], "--verify-key": []}
    assert set(options) == set(taken)
    yield "icinga2", [*command[1:], *(w for o in options if o != "--verify-key" for w in [o, *taken[o]])]


def test_every_command_line_of_the_examples_works(repository, sqlite_cli, tmp_path):
    lines = list(command_lines(repository))
    assert [name for name, _ in lines].count("cron/crontab") == 2
    assert {name.partition("/")[0] for name, _ in lines} == {"cron", "systemd", "nagios", "icinga2"}
    (tmp_path / "credentials").mkdir(mode=0o700)
    (tmp_path / "credentials" / "custmerge-token").write_text("token-of-ada\n")
    for name, words in lines:
        # Files of that machine become files of this test.
        here = [re.sub(r"^(%S|/|\$ARG).*?(\w+)\$?$", r"\2", word) for word in words]
        done = sqlite_cli(*here, CREDENTIALS_DIRECTORY=str(tmp_path / "credentials"))
        assert (done.code, done.err) == (0, ""), (name, here)
        assert (done.out == "") == ("--quiet" in words or "--out" in words)


def test_the_alerts_name_metrics_that_there_are(repository, sqlite_cli):
    rules = (repository / "examples" / "prometheus" / "custmerge.rules.yml").read_text("utf-8")
    metrics = sqlite_cli.as_("ada")("audit", "-f", "prometheus").out
    used = set(re.findall(r"custmerge_audit_[a-z_]+", rules))
    assert used
    assert all(f"# TYPE {name} gauge\n" in metrics for name in used)
