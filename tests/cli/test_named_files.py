"""Files that a person names: none is read without end, none hangs, none is written through a link."""

import json
import os
import stat
import subprocess
from functools import partial

import pytest
from support.struck_process import run_frugally

FORM = b"%PDF-1.7 signed"
# Far less than an endless input would take, enough for the program with all its libraries.
MEMORY = 1 << 30


@pytest.fixture
def frugal(sqlite_cli):
    """Run a command as a process that may not have more memory than MEMORY, as the supervisor."""
    anna = sqlite_cli.as_("anna")

    def run(*arguments, stdin=os.devnull, **changes):
        return anna(*arguments, target=partial(run_frugally, MEMORY, stdin), **changes)

    return run


def said_in_one_sentence(done, *words):
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done.err
    assert all(word in done.err for word in words), done.err
    return True


# Read


@pytest.mark.parametrize(
    "arguments",
    [
        ("login", "--staff", "anna", "--password-stdin", "--print-token"),
        ("user", "password", "--password-stdin"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_password_line_without_an_end_is_refused(frugal, arguments):
    assert said_in_one_sentence(frugal(*arguments, stdin="/dev/zero"), "1 MiB")


@pytest.mark.parametrize("kind", ["customers", "packages"])
def test_a_line_of_an_import_without_an_end_is_refused(frugal, kind):
    assert said_in_one_sentence(frugal("import", kind, "/dev/zero"), "/dev/zero:1", "1 MiB")


def test_a_line_without_an_end_is_named(frugal, tmp_path):
    (tmp_path / "c.csv").write_text("number,city\n1,Ulm\n2," + "x" * (1 << 20) + "\n3,Ulm\n")
    assert said_in_one_sentence(frugal("import", "customers", "c.csv"), "c.csv:3", "1 MiB")


def test_a_record_without_an_end_is_refused(frugal, tmp_path):
    (tmp_path / "c.csv").write_text("number\n1\n" + '"\n",' * (5 << 20))
    assert said_in_one_sentence(frugal("import", "customers", "c.csv"), "c.csv:3", "16 MiB")


@pytest.mark.parametrize("verb", ["check", "approve", "run", "status"])
def test_a_bulk_file_without_a_line_end_does_not_fill_the_temporary_directory(frugal, tmp_path, verb):
    (tmp_path / "tmp").mkdir()
    done = frugal("bulk", verb, "/dev/zero", TMPDIR=str(tmp_path / "tmp"))
    assert said_in_one_sentence(done, "/dev/zero", "1 MiB")


def test_a_copy_of_a_bulk_file_has_a_largest_size(tmp_path, monkeypatch):
    from custmerge.errors import BadFile
    from custmerge.storage.files import csv_file, temporary

    monkeypatch.setattr(temporary, "LARGEST_COPY", 1 << 20)
    (tmp_path / "pairs.csv").write_text("survivor,absorbed\n" + "1,2\n" * (1 << 18))
    with (
        pytest.raises(BadFile, match="has more than") as error,
        csv_file.spooled(str(tmp_path / "pairs.csv"), ("survivor", "absorbed"), ()),
    ):
        pass
    assert error.value.details["limit"] == "1 MiB"


def test_a_copy_of_an_import_with_passwords_has_a_largest_size(tmp_path, monkeypatch):
    from custmerge.errors import BadFile
    from custmerge.storage.files import csv_file, temporary

    monkeypatch.setattr(temporary, "LARGEST_COPY", 1 << 20)
    (tmp_path / "c.csv").write_text("number,password\n" + "1,\n" * (1 << 19))
    copy = (tmp_path / "copy").open("w+b")
    with copy, csv_file.opened(str(tmp_path / "c.csv"), ("number", "password"), ()) as file:
        file.copy_to(copy)
        with pytest.raises(BadFile, match="has more than") as error:
            list(file.rows())
    assert error.value.details == {"file": str(tmp_path / "c.csv"), "why": "has more than {limit}", "limit": "1 MiB"}
    assert (tmp_path / "copy").stat().st_size <= 1 << 20


def test_a_copy_of_a_pipe_has_a_largest_size(tmp_path, monkeypatch):
    from custmerge.errors import BadFile
    from custmerge.storage.files import csv_file, temporary

    monkeypatch.setattr(temporary, "LARGEST_COPY", 1 << 20)
    with (
        subprocess.Popen(["yes", "1"], stdout=subprocess.PIPE) as endless,
        pytest.raises(BadFile, match="has more than") as error,
        csv_file.opened(f"/dev/fd/{endless.stdout.fileno()}", ("number",), ()),
    ):
        pass
    assert error.value.details["limit"] == "1 MiB"


def test_a_config_file_is_a_small_regular_file(frugal, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_text("#" * 70_000)
    assert said_in_one_sentence(frugal("whoami", CUSTMERGE_CONFIG="/dev/zero"), "/dev/zero")
    assert said_in_one_sentence(frugal("whoami", CUSTMERGE_CONFIG="pipe"), "pipe")
    assert said_in_one_sentence(frugal("whoami", CUSTMERGE_CONFIG="large"), "64 KiB")
    assert frugal("whoami", CUSTMERGE_CONFIG="/dev/null").code == 0


@pytest.mark.parametrize("place", ["/dev/zero", "pipe"])
def test_a_form_and_a_key_are_regular_files(frugal, tmp_path, place):
    os.mkfifo(tmp_path / "pipe")
    assert said_in_one_sentence(frugal("transfer", "file", "2", "--into", "1", "--form", place), place)
    for option in ("--sign-key", "--verify-key"):
        assert said_in_one_sentence(frugal("audit", "--checkpoint", "new", option, place), place)


def test_a_token_file_is_small_and_regular(frugal, tmp_path):
    token = tmp_path / "custmerge-token"
    for make, why in (
        (os.mkfifo, "isn't a file"),
        (lambda path: path.write_text("x" * 5_000), "too large for"),
    ):
        make(token)
        token.chmod(0o600)
        done = frugal("whoami", CUSTMERGE_TOKEN="", CREDENTIALS_DIRECTORY=str(tmp_path))
        assert (done.code, why in done.err) == (4, True), done.err
        token.unlink()


# Written


@pytest.fixture
def filed(sqlite_cli):
    """One contract transfer, 1, and one customer to be exported."""
    folder, anna = sqlite_cli.folder, sqlite_cli.as_("anna")
    (folder / "c.csv").write_text("number,company\n1,Alt GmbH\n2,Neu GmbH\n")
    (folder / "pairs.csv").write_text("survivor,absorbed\n1,2\n")
    (folder / "form.pdf").write_bytes(FORM)
    assert anna("import", "customers", "c.csv").code == 0
    assert anna("transfer", "file", "2", "--into", "1", "--form", "form.pdf").code == 0
    return anna


WRITING = {
    "export": ("export", "customers", "--out"),
    "export history": ("export", "history", "--excel", "--out"),
    "audit": ("audit", "--out"),
    "audit json": ("audit", "--format", "json", "--out"),
    "bulk check": ("bulk", "check", "pairs.csv", "--report"),
    "transfer": ("transfer", "show", "1", "--save"),
}


@pytest.fixture(params=WRITING.values(), ids=WRITING)
def writing(request):
    return request.param


def test_what_is_written_never_goes_through_a_link(filed, writing, tmp_path):
    for target in ("there", "nowhere"):
        (tmp_path / "there").write_text("not ours")
        (tmp_path / "out").symlink_to(target)
        done = filed(*writing, "out")
        assert (done.code, "symbolic link" in done.err, done.err.count("\n")) == (2, True, 1), done.err
        assert (tmp_path / "there").read_text() == "not ours"
        assert (tmp_path / "out").is_symlink()
        assert not (tmp_path / "nowhere").exists()
        (tmp_path / "out").unlink()


def test_what_is_written_never_goes_into_a_pipe_or_a_device(filed, writing, tmp_path):
    os.mkfifo(tmp_path / "out")
    for place in ("out", "/dev/null"):
        done = filed(*writing, place)
        assert (done.code, "regular" in done.err, done.err.count("\n")) == (2, True, 1), done.err


@pytest.mark.parametrize("writing", [w for name, w in WRITING.items() if name != "transfer"], ids=lambda w: w[0])
def test_what_is_written_keeps_nothing_of_the_file_that_was_there(filed, writing, tmp_path):
    out = tmp_path / "out"
    out.write_text("old")
    out.chmod(0o666)
    with out.open() as somebody_reads:
        filed(*writing, "out")
        assert somebody_reads.read() == "old"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert out.read_text() != "old"


def test_a_form_is_written_into_a_new_file_only(filed, tmp_path):
    (tmp_path / "out").write_text("old")
    assert filed("transfer", "show", "1", "--save", "out").code == 2
    assert (tmp_path / "out").read_text() == "old"


def test_metrics_for_prometheus_may_be_read_by_its_collector(filed, tmp_path):
    filed("audit", "--format", "prometheus", "--out", "out.prom")
    assert stat.S_IMODE((tmp_path / "out.prom").stat().st_mode) == 0o644


def test_checkpoints_are_never_read_or_written_through_a_link(filed, tmp_path):
    (tmp_path / "there").write_text("")
    (tmp_path / "link").symlink_to("there")
    done = filed("audit", "--checkpoint", "link")
    assert (done.code, "symbolic link" in done.err) == (2, True)
    assert (tmp_path / "there").read_text() == ""


def test_an_export_and_a_saved_form_say_what_they_wrote(filed, tmp_path):
    assert filed("export", "customers", "--out", "c.csv").err == "2 rows written to c.csv.\n"
    saved = filed("transfer", "show", "1", "--save", "one.pdf").err
    assert saved.startswith(f"The form is in one.pdf: {len(FORM)} bytes.\n")
    assert (tmp_path / "one.pdf").read_bytes() == FORM
    assert stat.S_IMODE((tmp_path / "one.pdf").stat().st_mode) == 0o600
    for command in (("export", "customers", "--out", "d.csv"), ("transfer", "show", "1", "--save", "two.pdf")):
        assert filed("--quiet", *command).err == ""


def test_an_export_to_a_minus_goes_to_standard_output(filed):
    done = filed("export", "customers", "--format", "jsonl", "--out", "-")
    assert ([json.loads(line)["number"] for line in done.out.splitlines()], done.err) == (["1", "2"], "")


@pytest.mark.parametrize("name", ["hosting.db", "hosting.db-wal", "hosting.db-shm", "hosting.db-journal"])
@pytest.mark.parametrize("writing", [("export", "customers", "--out"), ("bulk", "check", "rows.csv", "--report")])
def test_what_is_written_never_takes_the_place_of_a_database_or_of_what_it_keeps(supervisor, tmp_path, writing, name):
    (tmp_path / "rows.csv").write_text("survivor,absorbed\n1,2\n")
    (tmp_path / "hosting.db").write_bytes(b"SQLite format 3\0")
    done = supervisor(*writing, name)
    assert done.code == 2
    assert "is an SQLite database" in done.err
    assert (tmp_path / "hosting.db").read_bytes() == b"SQLite format 3\0"
    assert not (tmp_path / "hosting.db-wal").exists()


@pytest.mark.parametrize("part", ["", "-wal", "-journal"])
def test_a_checkpoint_is_not_appended_to_what_a_database_keeps_beside_itself(supervisor, tmp_path, part):
    (tmp_path / "hosting.db").write_bytes(b"SQLite format 3\0")
    done = supervisor("audit", "--checkpoint", f"hosting.db{part}")
    assert (done.code, (tmp_path / "hosting.db-wal").exists()) == (2, False), done.err


def test_a_report_needs_a_file(supervisor, tmp_path):
    (tmp_path / "rows.csv").write_text("survivor,absorbed\n1,2\n")
    assert supervisor("bulk", "check", "rows.csv", "--report", "-").code == 2
    assert not (tmp_path / "-").exists()
