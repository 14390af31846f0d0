"""URLs of databases: shown without a password, whatever they look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custmerge.database_url import checked_url, has_secret, shown_url, without_secrets, without_urls_secrets
from custmerge.errors import BadValue


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:geheim@host/db", "postgresql://u:***@host/db"),
        ("postgresql://u:geheim@[bad/db", "postgresql://…"),
        ("postgresql://u:ge/heim@host/db", "postgresql://…"),
        ("postgresql://u:geheim@a@b/db", "postgresql://…"),
        ("postgresql://host/db?password=geheim&port=1", "postgresql://host/db?password=***&port=1"),
        ("postgresql://host/db?%70assword=geheim&port=1", "postgresql://host/db?%70assword=***&port=1"),
        ("postgresql://host/db?sslp%61ssword=geheim", "postgresql://host/db?sslp%61ssword=***"),
        ("postgresql://u:ge?heim@host/db", "postgresql://…"),
        ("postgresql://host/db?SSLPassword=geheim", "postgresql://…"),
        ("postgres://u:geheim@h1,h2:5/db", "postgres://u:***@h1,h2:5/db"),
        ("mysql://u:geheim@host/db", "mysql://…"),
        ("postgresql://u@host/db", "postgresql://u@host/db"),
        ("sqlite:////tmp/a.db?timeout=1", "sqlite:////tmp/a.db?timeout=1"),
        ("sqlite:////tmp/me@here/a.db", "sqlite:////tmp/me@here/a.db"),
        ("sqlite://u:geheim@host/a.db", "sqlite://…"),
        ("sqlite:///a.db?password=geheim", "sqlite:///a.db?…"),
        ("sqlite:///a.db?timeout=1&pwd=geheim", "sqlite:///a.db?…"),
        ("postgresql://u:geheim/d", "postgresql://…"),
        ("postgresql://h:5432/d", "postgresql://h:5432/d"),
        ("postgresql://[::1]/d", "postgresql://[::1]/d"),
        ("postgresql://h:1,i:2/d", "postgresql://h:1,i:2/d"),
        ("postgresql://u@h/d?scram_client_key=geheim", "postgresql://u@h/d?scram_client_key=***"),
        ("user:geheim@host/db", "…"),
        ("host=h password=geheim", "…"),
        ("custmerge.db", "custmerge.db"),
    ],
)
def test_a_url_is_shown_without_its_password(url, shown):
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:ge/heim@h/d",
        "postgresql://u@h/d?passwort=geheim",
        "mysql://u:geheim@h/d",
        "x",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///a?b=1",
    ],
)
def test_what_is_no_url_of_ours_is_refused(url):
    with pytest.raises(BadValue) as error:
        checked_url(url)
    assert "geheim" not in str(error.value)


@pytest.mark.parametrize("url", ["sqlite:///a?timeout=x", "sqlite:///a?timeout=-1", "sqlite:///a?timeout=nan"])
def test_a_time_out_is_a_number_of_seconds(url):
    with pytest.raises(BadValue):
        checked_url(url)


def test_what_is_wrong_with_an_sqlite_url_is_said_without_its_options():
    with pytest.raises(BadValue) as error:
        checked_url("sqlite:////tmp/x.db?password=geheim")
    assert "geheim" not in str(error.value)


def test_a_url_that_is_no_utf_8_is_refused():
    with pytest.raises(BadValue):
        checked_url("sqlite:////tmp/\udcff.db")


def test_the_home_of_somebody_who_is_not_there_is_refused():
    with pytest.raises(BadValue, match="~nobody-here"):
        checked_url("sqlite:///~nobody-here/x.db")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://h:1/d&password=geheim",
        "postgresql://h/d;password=geheim",
        "postgresql://h/d%26PassWord%3dgeheim",
        "postgresql://u&password=geheim@h/d",
        "postgresql://h/d&sslpassword=geheim?connect_timeout=1",
    ],
)
def test_a_password_that_only_a_person_can_take_for_one_is_not_shown(url):
    assert "geheim" not in shown_url(url)
    assert "geheim" not in without_urls_secrets(f"--database={url}")
    said = 'role "u&password=geheim" or database "d&password=geheim" is not there'
    assert "geheim" not in without_secrets(url, said)


@pytest.mark.parametrize("url", ["postgresql:///d?host=h&password=geheim", "postgresql://u:geheim@h/d"])
def test_what_is_shown_of_a_url_stays_as_it_is_when_it_is_shown_again(url):
    shown = shown_url(url)
    assert (shown_url(shown), without_urls_secrets(f"at {shown} now")) == (shown, f"at {shown} now")


@given(st.text("abcXYZ0123456789%._-", min_size=6))
def test_no_driver_can_tell_a_password(password):
    url = f"postgresql://user:{password}@host/database"
    assert password not in without_secrets(url, f'bad URI "{url}" with "{password}"').replace("database", "")
    assert password not in shown_url(url).replace("database", "")


@pytest.mark.parametrize(
    ("url", "is_there"),
    [
        ("postgresql://u:geheim@h/d", True),
        ("postgresql://h/d?%70assword=geheim", True),
        ("postgresql://h/d?scram_client_key=geheim", True),
        ("postgresql://h/d?scram_server_key=geheim", True),
        ("postgresql://u:@h/d", False),
        ("postgresql://u@h/d", False),
        ("sqlite:////tmp/a:b@c.db", False),
    ],
)
def test_a_password_in_a_url_is_seen_however_it_is_written(url, is_there):
    assert has_secret(url) is is_there


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u@h/db?password =Zq7Secret",
        "postgresql://u@h/db?pass%77ord = Zq7Secret",
        "postgresql://u@h/db? sslpassword= Zq7Secret",
        "postgresql//h/db?pass%77ord=Zq7Secret",
    ],
)
def test_a_password_is_not_shown_whatever_stands_around_its_name(url):
    assert "Zq7" not in shown_url(url)
    assert "Zq7" not in without_urls_secrets(f"The database {shown_url(url)} is away")
