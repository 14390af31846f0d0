"""Database URLs: shown without a password, whatever they look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custmerge.errors import BadFile, BadValue
from custmerge.settings import checked_url, gather, shown_url, without_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:geheim@host/db", "postgresql://u:***@host/db"),
        ("postgresql://u:geheim@[bad/db", "postgresql://u:***@[bad/db"),
        ("postgresql://u:ge/heim@host/db", "postgresql://u:***@host/db"),
        ("postgresql://u:geheim@a@b/db", "postgresql://u:***@b/db"),
        ("postgresql://host/db?password=geheim&x=1", "postgresql://host/db?password=***&x=1"),
        ("postgresql://host/db?SSLPassword=geheim", "postgresql://host/db?SSLPassword=***"),
        ("postgresql://u@host/db", "postgresql://u@host/db"),
        ("sqlite:////tmp/a.db?timeout=1", "sqlite:////tmp/a.db?timeout=1"),
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


@given(st.text("abcXYZ0123456789%._-", min_size=6))
def test_no_driver_can_tell_a_password(password):
    url = f"postgresql://user:{password}@host/database"
    assert password not in without_secrets(url, f'bad URI "{url}" with "{password}"').replace("database", "")
    assert password not in shown_url(url).replace("database", "")


def test_the_retention_is_a_number_of_days_from_environment_file_or_default(tmp_path):
    config = tmp_path / "config.toml"
    environ = {"CUSTMERGE_CONFIG": str(config)}
    config.write_text("")
    assert gather(environ).retention_days == 365
    config.write_text("retention_days = 90\n")
    assert gather(environ).retention_days == 90
    assert gather({**environ, "CUSTMERGE_RETENTION_DAYS": "30"}).retention_days == 30


@pytest.mark.parametrize("days", ["0", "-1", "1.5", "x", "٣", "99999", "9" * 5_000])
def test_a_retention_that_can_not_be_is_refused(tmp_path, days):
    (tmp_path / "config.toml").write_text("")
    with pytest.raises(BadValue):
        gather({"CUSTMERGE_CONFIG": str(tmp_path / "config.toml"), "CUSTMERGE_RETENTION_DAYS": days})


@pytest.mark.parametrize("line", ['retention_days = "90"', "retention_days = true", "retention_days = 1.5"])
def test_a_retention_in_the_config_file_is_a_whole_number(tmp_path, line):
    (tmp_path / "config.toml").write_text(line)
    with pytest.raises(BadFile):
        gather({"CUSTMERGE_CONFIG": str(tmp_path / "config.toml")})
