"""Contract §7: what `audit` prints, where, and with which exit code; what it looks at is tested elsewhere."""

import json
import os
import re
import stat
from dataclasses import replace

import pytest
from rich.console import Console
from support import audit_outcomes
from support.audit_outcomes import BAD, HASH, WORSE, audit_of

from custmerge.cli.drawing import drawn
from custmerge.cli.render.data import audit as audit_formats
from custmerge.cli.render.text.audit import audit_parts
from custmerge.rules.audit import CheckName, Severity
from custmerge.rules.history import NO_HASH

run = audit_outcomes.run


@pytest.mark.parametrize("form", ["table", "json", "nagios", "prometheus"])
@pytest.mark.parametrize(("found", "code"), [([], 0), ([BAD], 1), ([WORSE], 2), ([BAD, WORSE], 2)])
def test_the_verdict_is_the_exit_code(run, form, found, code):
    assert run(audit_of(*found), "audit", "-f", form)[0] == code


def test_json_has_the_contracts_shape(run):
    document = json.loads(run(audit_of(BAD, WORSE, more=2), "audit", "-f", "json")[1])
    assert list(document) == ["status", "entries", "checks", "findings", "head", "seconds"]
    assert (document["status"], document["entries"], document["seconds"]) == ("critical", 123, 0.25)
    assert document["head"] == {"seq": 123, "hash": HASH}
    assert document["checks"][0] == {"check": "chain", "ok": False, "findings": 3}
    assert document["checks"][1] == {"check": "checkpoint", "ok": True, "findings": 0}
    assert [check["check"] for check in document["checks"]] == list(CheckName)
    assert document["findings"][1] == {
        "check": "expiry",
        "severity": "warning",
        "subject": "token nightly",
        "message": "it ends on 2026-02-01",
    }


@pytest.mark.parametrize("width", [60, 80])
def test_the_table_fits_and_marks_without_colour(width):
    long = replace(WORSE, subject="domain " + "x" * 80, message="gurke " * 40)
    console = Console(width=width, color_system=None, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    for part in audit_parts(audit_of(BAD, long, more=5)):
        console.print(drawn(part, width))
    console.file.close()
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= width
    for shown in (
        "✗  chain       doesn't hold: every",
        "✓  checkpoint",
        "!  expiry",
        "critical",
        "warning",
        "5 findings more",
        "123 entries",
    ):
        assert shown in text
    assert text.replace("\n", "").replace(" ", "").count("gurke") == 40


def test_untrusted_text_reaches_no_terminal_as_it_is(run):
    hostile = replace(WORSE, subject="\x1b[31mrot\u202e[bold]", details={"verb": "\x07", "name": "\x9b"})
    for form in ("table", "nagios"):
        out = run(audit_of(hostile), "audit", "-f", form)[1]
        assert not [c for c in out if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 or c == "\u202e"]
    assert "[bold]" in run(audit_of(hostile), "audit")[1]


def test_a_good_plugin_output_is_one_line_with_performance_data(run):
    out = run(audit_of(), "audit", "-f", "nagios")[1]
    assert out == "CUSTMERGE OK - 123 entries, 23 checks | entries=123;;;0 findings=0;0;;0 seconds=0.250s;;;0\n"


def test_a_plugin_names_the_worst_finding_first_and_each_in_a_line_of_its_own(run):
    first, *others = run(audit_of(BAD, WORSE, more=2), "audit", "-f", "nagios")[1].splitlines()
    assert first.startswith("CUSTMERGE CRITICAL - 6 findings, 123 entries, 23 checks; history 17: it was x by ")
    assert [other.split(":")[0] for other in others] == [
        "CRITICAL chain history 17",
        "CRITICAL chain 2 findings more",
        "WARNING expiry token nightly",
        "WARNING expiry 2 findings more",
    ]


def test_a_plugins_texts_have_no_bar_and_no_line_end_of_their_own(run):
    out = run(audit_of(WORSE), "audit", "-f", "nagios")[1]
    assert (out.count("|"), out.count("\n")) == (1, 2)
    assert "CRITICAL chain history 17: it was x by \\x7c\\n\\n\\x7c" in out


SAMPLE = re.compile(r'(custmerge_audit_[a-z_]+)(?:\{check="([a-z]+)",severity="([a-z]+)"\})? ([0-9.]+)')


def samples(text):
    """Every sample of a text in the exposition format, each after its HELP and TYPE."""
    found, described = {}, set()
    for line in text.splitlines():
        if line.startswith("# TYPE"):
            described.add(line.split()[2])
            assert line.split()[3] == "gauge"
        elif not line.startswith("# HELP"):
            name, check, severity, value = SAMPLE.fullmatch(line).groups()
            assert name in described
            found[(name.removeprefix("custmerge_audit_"), check, severity) if check else name[16:]] = float(value)
    return found


def test_prometheus_has_every_metric_and_every_check(run):
    found = samples(run(audit_of(BAD, WORSE, more=2), "audit", "-f", "prometheus")[1])
    assert (found["status"], found["entries"], found["head_seq"], found["seconds"]) == (2, 123, 123, 0.25)
    assert found["timestamp_seconds"] > 1_700_000_000
    for name in CheckName:
        for severity in Severity:
            bad = (name, severity) in {(BAD.check, BAD.severity), (WORSE.check, WORSE.severity)}
            assert found["findings", name, severity] == (3 if bad else 0)


def test_label_values_are_escaped():
    assert audit_formats._labels({"check": 'a"b\\c\nd'}) == '{check="a\\"b\\\\c\\nd"}'


def test_german_people_read_german_findings(run):
    out = run(audit_of(BAD), "--lang", "de", "audit", "-f", "nagios")[1]
    assert out.startswith("CUSTMERGE WARNING - 1 Befund, 123 Einträge, 23 Prüfungen; token nightly:")


@pytest.mark.parametrize(
    ("form", "mode"), [("table", 0o600), ("json", 0o600), ("nagios", 0o600), ("prometheus", 0o644)]
)
def test_out_replaces_a_file_at_once(run, tmp_path, form, mode):
    target = tmp_path / "out"
    target.write_text("old")
    with target.open() as old:
        code, out, err = run(audit_of(BAD), "audit", "-f", form, "--out", str(target))
        assert (code, out, err) == (1, "", "")
        # Who had it open still reads the old one to its end.
        assert old.read() == "old"
    assert stat.S_IMODE(target.stat().st_mode) == mode
    assert "nightly" in target.read_text() or 'check="expiry",severity="warning"} 1' in target.read_text()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []


def test_an_out_that_cannot_be_written_is_one_sentence(run, tmp_path):
    for place, why in (("nowhere/out", "can't be written"), (str(tmp_path), "is a folder")):
        code, out, err = run(audit_of(), "audit", "-f", "prometheus", "--out", place)
        assert (code, out, err.count("\n")) == (3, "", 1)
        assert why in err


def test_with_quiet_a_good_audit_prints_nothing(run):
    assert run(audit_of(), "--quiet", "audit") == (0, "", "")


def test_with_quiet_a_bad_audit_prints_what_it_found(run):
    assert "token nightly" in run(audit_of(BAD), "--quiet", "audit")[1]


def test_with_quiet_a_monitoring_system_is_told_all_the_same(run):
    assert run(audit_of(), "--quiet", "audit", "-f", "nagios")[1].startswith("CUSTMERGE OK")


def test_only_and_skip_choose_the_checks(run):
    def names(*options):
        return [c["check"] for c in json.loads(run(audit_of(), "audit", "-f", "json", *options)[1])["checks"]]

    assert names("--only", "forms", "--only", "chain") == ["chain", "forms"]
    assert names("--only", "forms", "--only", "chain", "--skip", "chain") == ["forms"]
    assert names("--skip", "chain") == list(CheckName)[1:]


def test_an_unknown_check_is_wrong_use_and_the_known_ones_are_named(run):
    for option in ("--only", "--skip"):
        code, out, err = run(audit_of(), "audit", option, "nonsense")
        assert (code, out) == (2, "")
        assert all(name in err for name in CheckName)


@pytest.mark.parametrize(
    "options",
    [
        ("--since-checkpoint",),
        ("--since-checkpoint", "--checkpoint", "-"),
        ("--verify-key", "k.pub"),
        ("--verify-key", "k.pub", "--checkpoint", "-"),
        ("--sign-key", "k.pem"),
        ("--only", "chain", "--skip", "chain"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_use(run, options):
    assert run(audit_of(), "audit", *options)[:2] == (2, "")


def test_the_checks_are_listed_without_login_and_database(sqlite_cli):
    done = sqlite_cli("--database", "sqlite:////nowhere/x.db", "audit", "--list-checks")
    assert (done.code, done.err) == (0, "")
    assert all(name in done.out for name in CheckName)
    listed = sqlite_cli("audit", "--list-checks", "-f", "json").json
    assert [check["check"] for check in listed] == list(CheckName)


WITHOUT_DATABASE = ("--database", "sqlite:///nowhere.db")


def test_without_a_database_nothing_is_known(supervisor):
    done = supervisor(*WITHOUT_DATABASE, "audit")
    assert (done.code, done.out, done.err.count("\n")) == (3, "", 1)


def test_an_unknown_state_is_a_json_document_and_a_json_error(supervisor):
    done = supervisor(*WITHOUT_DATABASE, "audit", "-f", "json")
    assert done.code == 3
    assert done.json == {
        "status": "unknown",
        "entries": 0,
        "checks": [],
        "findings": [],
        "head": {"seq": 0, "hash": NO_HASH},
        "seconds": 0.0,
    }
    assert (done.error["code"], done.error["exit"]) == ("database_missing", 3)


def test_an_unknown_state_is_a_metric(supervisor, tmp_path):
    done = supervisor(*WITHOUT_DATABASE, "audit", "-f", "prometheus", "--out", "custmerge.prom")
    assert (done.code, done.out, done.err.count("\n")) == (3, "", 1)
    found = samples((tmp_path / "custmerge.prom").read_text())
    assert (found.pop("status"), list(found)) == (3, ["timestamp_seconds"])


@pytest.mark.parametrize(
    "arguments",
    [
        (*WITHOUT_DATABASE, "audit"),
        ("audit", "--checkpoint", "/dev/null/x"),
        ("audit", "--since-checkpoint"),
        ("audit", "--nonsense"),
        ("audit", "--only", "nonsense"),
        ("audit", "superfluous"),
        ("--lang", "fr", "audit"),
    ],
)
def test_a_plugin_that_cannot_look_says_unknown_on_stdout(supervisor, arguments):
    for form in (("--format", "nagios"), ("-f", "nagios"), ("--format=nagios",)):
        done = supervisor(*arguments, *form)
        assert (done.code, done.out.count("\n"), done.err) == (3, 1, "")
        assert done.out.startswith("CUSTMERGE UNKNOWN - ")


def test_a_plugin_that_is_not_logged_in_says_unknown(cli):
    done = cli("audit", "-f", "nagios")
    assert (done.code, done.out.startswith("CUSTMERGE UNKNOWN - "), done.err) == (3, True, "")
    assert cli.as_("ben")("audit", "-f", "nagios").code == 3


def test_in_other_formats_other_errors_keep_their_codes(cli, supervisor, tmp_path):
    (tmp_path / "c").write_text("nonsense\n")
    for form in ("table", "json", "prometheus"):
        assert cli("audit", "-f", form).code == 4
        assert cli.as_("ben")("audit", "-f", form).code == 4
        done = supervisor("audit", "--checkpoint", "c", "-f", form)
        assert (done.code, "c:1" in done.err) == (3 if form == "prometheus" else 2, True)


@pytest.mark.parametrize(
    "form", [("--format", "prometheus"), ("-f", "nagios"), ("-qf", "nagios"), ("-fprometheus",), ("-qfnagios",)]
)
def test_to_a_monitor_wrong_use_of_an_audit_is_unknown_and_not_critical(supervisor, form):
    assert supervisor("audit", "--nonsense", *form).code == 3
    assert supervisor("audit", *form, "--only", "nonsense").code == 3
    assert supervisor("audit", *form, CUSTMERGE_CONFIG="nowhere.toml").code == 3
    assert supervisor(*form, "audit").code == 3
    assert supervisor("--checkpoint", "cp", "audit", *form).code == 3
    assert supervisor("-o", "x", *form, "audit").code == 3


@pytest.mark.parametrize("arguments", [("show", "audit"), ("audits",), ("--lang", "de", "whoami")])
def test_another_command_is_no_plugin(supervisor, arguments):
    done = supervisor(*arguments, "-f", "nagios")
    assert (done.code, done.out) == (2, "")


def test_a_database_without_tables_and_a_file_of_another_kind_are_unknown(supervisor, tmp_path):
    (tmp_path / "empty.db").touch()
    (tmp_path / "other.db").write_text("not a database at all" * 100)
    for name in ("empty.db", "other.db"):
        assert supervisor("--database", f"sqlite:///{tmp_path / name}", "audit").code == 3
