"""Where tokens are kept, with keyrings that work, fail, or never answer."""

import os
import tempfile
import time
from pathlib import Path

import pytest
from keyring.backend import KeyringBackend
from keyring.backends import chainer, fail, null
from keyrings.alt.file import PlaintextKeyring

from custmerge.errors import BadTokenFile, KeyringUnavailable, LooseTokenFile, NoPlaceForToken
from custmerge.storage.files import token_store
from custmerge.storage.files.token_store import TokenStore


class Memory(KeyringBackend):
    priority = 5

    def __init__(self):
        self.kept = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        del self.kept[service, username]


class Broken(Memory):
    def get_password(self, *_):
        raise RuntimeError("no such\nthing")

    set_password = get_password


class Hanging(Memory):
    def get_password(self, *_):
        time.sleep(60)


@pytest.fixture
def use(monkeypatch, tmp_path):
    """Make a backend the one that keyring has found, or that a person has named."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(token_store, "KEYRING_ANSWERS_WITHIN_SECONDS", 0.2)

    def use(backend, *, named=False):
        monkeypatch.setattr("keyring.core.load_env", lambda: backend if named else None)
        monkeypatch.setattr("keyring.core.load_config", lambda: None)
        monkeypatch.setattr("keyring.core.get_keyring", lambda: backend)
        return backend

    return use


def test_a_token_comes_back_and_is_forgotten(use):
    keyring = use(Memory())
    store = TokenStore("postgresql://u:geheim@host/db", {})
    store.keep("token", insecure=False)
    assert keyring.kept == {("custmerge", "host=host port=5432 dbname=db user=u"): "token"}
    assert store.read() == "token"
    store.forget()
    assert store.read() is None


def test_a_url_that_is_shown_without_its_name_has_an_entry_of_its_own(use):
    use(Memory())
    for name in ("one", "two"):
        url = f"postgresql://u:custmerge@h/{name}?application_name=custmerge"
        TokenStore(url, {}).keep(name, insecure=False)
    assert TokenStore("postgresql://u:other@h/one", {}).read() == "one"


def test_each_database_has_an_entry_of_its_own(use, tmp_path, monkeypatch):
    use(Memory())
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        TokenStore("sqlite:///x.db", {}).keep(folder, insecure=False)
    assert TokenStore(f"sqlite:///{tmp_path}/one/x.db", {}).read() == "one"
    assert TokenStore(f"sqlite:///{tmp_path}/two/x.db?timeout=9", {}).read() == "two"


@pytest.mark.parametrize(
    "backend", [fail.Keyring(), null.Keyring(), PlaintextKeyring()], ids=["fail", "null", "plain"]
)
def test_a_backend_that_is_not_safe_is_not_used_because_it_was_found(use, backend):
    use(backend)
    with pytest.raises(KeyringUnavailable):
        TokenStore("sqlite:///x.db", {}).demand_place(insecure=False)


def test_a_chain_of_backends_is_as_good_as_its_best(use, monkeypatch):
    chain = chainer.ChainerBackend()
    monkeypatch.setattr(chainer.ChainerBackend, "backends", [PlaintextKeyring()])
    use(chain)
    with pytest.raises(KeyringUnavailable):
        TokenStore("sqlite:///x.db", {}).demand_place(insecure=False)
    monkeypatch.setattr(chainer.ChainerBackend, "backends", [Memory(), PlaintextKeyring()])
    TokenStore("sqlite:///x.db", {}).demand_place(insecure=False)


def test_what_a_person_has_named_is_used(use):
    use(PlaintextKeyring(), named=True)
    TokenStore("sqlite:///x.db", {}).demand_place(insecure=False)


def test_a_keyring_that_raises_is_a_sentence(use):
    use(Broken())
    for action in (lambda store: store.read(), lambda store: store.keep("t", insecure=False)):
        with pytest.raises(KeyringUnavailable) as error:
            action(TokenStore("sqlite:///x.db", {}))
        assert error.value.details["reason"] == "no such"


def test_a_keyring_that_never_answers_is_a_sentence(use):
    use(Hanging())
    with pytest.raises(KeyringUnavailable) as error:
        TokenStore("sqlite:///x.db", {}).read()
    assert "didn't answer" in error.value.details["reason"]


def test_a_keyrings_failure_does_not_tell_the_token(use):
    class Talkative(Memory):
        def set_password(self, _service, _username, password):
            raise RuntimeError(f"can't keep {password}")

    use(Talkative())
    with pytest.raises(KeyringUnavailable) as error:
        TokenStore("sqlite:///x.db", {}).keep("geheimes-token", insecure=False)
    assert error.value.details["reason"] == "can't keep ***"


def test_what_the_configuration_names_wrongly_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "nowhere.at.all.Keyring")
    with pytest.raises(KeyringUnavailable):
        TokenStore("sqlite:///x.db", {}).read()


def test_two_databases_that_the_environment_names_have_two_entries(use):
    use(Memory())
    for name in ("one", "two"):
        TokenStore("postgresql:///", {"PGDATABASE": name}).keep(name, insecure=False)
    assert TokenStore("postgresql:///", {"PGDATABASE": "one"}).read() == "one"


@pytest.mark.parametrize("kind", ["folder", "pipe", "binary"])
def test_a_credential_that_is_no_text_is_a_sentence(tmp_path, kind):
    path = tmp_path / "custmerge-token"
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "binary":
            path.write_bytes(b"\xff\x00")
            path.chmod(0o400)
    with pytest.raises(BadTokenFile):
        TokenStore("sqlite:///x.db", {"CREDENTIALS_DIRECTORY": str(tmp_path)}).read()


@pytest.fixture
def credentials():
    """Makes a directory of credentials that everybody can get to, but for its own mode."""
    with tempfile.TemporaryDirectory() as made:
        yield lambda folder, mode: _credential(Path(made), folder, mode)


def _credential(directory, folder, mode):
    path = directory / "custmerge-token"
    path.write_text("token")
    path.chmod(mode)
    directory.chmod(folder)
    return TokenStore("sqlite:///x.db", {"CREDENTIALS_DIRECTORY": str(directory)})


@pytest.mark.parametrize(
    ("folder", "mode"),
    [(0o700, 0o666), (0o700, 0o660), (0o755, 0o640), (0o755, 0o602), (0o750, 0o644), (0o750, 0o640)],
)
def test_a_credential_that_others_could_have_is_refused(credentials, folder, mode):
    with pytest.raises(LooseTokenFile) as error:
        credentials(folder, mode).read()
    assert f"{mode:04o}" in str(error.value)


@pytest.mark.parametrize(("folder", "mode"), [(0o500, 0o440), (0o755, 0o400), (0o700, 0o644)])
def test_a_credential_as_systemd_makes_it_is_taken(credentials, folder, mode):
    assert credentials(folder, mode).read() == "token"


def test_a_credential_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "elsewhere").write_text("token")
    (tmp_path / "folder").mkdir(mode=0o700)
    (tmp_path / "folder" / "custmerge-token").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadTokenFile) as error:
        TokenStore("sqlite:///x.db", {"CREDENTIALS_DIRECTORY": str(tmp_path / "folder")}).read()
    assert "link" in str(error.value)


def test_a_loop_of_links_is_no_place_for_a_credential(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(BadTokenFile):
        TokenStore("sqlite:///x.db", {"CREDENTIALS_DIRECTORY": str(tmp_path / "loop")}).read()


@pytest.fixture
def kept(use):
    """A store that keeps a token in its file, and that file."""
    use(Memory())
    store = TokenStore("sqlite:///x.db", {})
    store.keep("token", insecure=True)
    return store, store._path()


def test_a_token_file_that_is_a_link_is_refused(kept, tmp_path):
    store, path = kept
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadTokenFile) as error:
        store.read()
    assert "link" in str(error.value)


def test_a_token_file_of_somebody_else_is_refused(kept, somebody_elses):
    store, path = kept
    somebody_elses(path)
    with pytest.raises(LooseTokenFile) as error:
        store.read()
    assert "belongs to user 54321" in str(error.value)


def test_a_home_that_cannot_be_written_is_a_sentence(use, tmp_path):
    use(Memory())
    (tmp_path / "custmerge").write_text("a file in the place of the folder")
    store = TokenStore("sqlite:///x.db", {})
    for keep in (lambda: store.demand_place(insecure=True), lambda: store.keep("token", insecure=True)):
        with pytest.raises(NoPlaceForToken) as error:
            keep()
        assert "CUSTMERGE_TOKEN" in str(error.value)
