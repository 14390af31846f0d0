"""Settings: from the environment, the config file or the default, and files that are refused."""

import pytest

from custmerge.errors import BadFile, BadValue, LooseFile
from custmerge.settings import gather


def test_a_config_file_that_is_nested_without_end_is_refused(tmp_path):
    (tmp_path / "config.toml").write_text("a=" + "[" * 60_000)
    with pytest.raises(BadFile):
        gather({"CUSTMERGE_CONFIG": str(tmp_path / "config.toml")})


def test_a_config_file_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "config.toml").write_text("retention_days = 90\n", encoding="utf-8-sig")
    assert gather({"CUSTMERGE_CONFIG": str(tmp_path / "config.toml")}).retention_days == 90


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


@pytest.mark.parametrize(
    ("mode", "content", "is_refused"),
    [
        (0o600, 'database_url = "postgresql://u:geheim@h/d"', False),
        (0o644, 'database_url = "postgresql://u@h/d"', False),
        (0o644, 'database_url = "postgresql://u:geheim@h/d"', True),
        (0o640, 'database_url = "postgresql://h/d?%70assword=geheim"', True),
        (0o664, 'lang = "de"', True),
        (0o602, 'lang = "de"', True),
    ],
)
def test_a_config_file_that_others_could_abuse_is_refused(tmp_path, mode, content, is_refused):
    config = tmp_path / "config.toml"
    config.write_text(content)
    config.chmod(mode)
    if not is_refused:
        assert gather({"CUSTMERGE_CONFIG": str(config)}).config_file == config
        return
    with pytest.raises(LooseFile) as error:
        gather({"CUSTMERGE_CONFIG": str(config)})
    assert f"{mode:04o}" in str(error.value)
    assert "geheim" not in str(error.value)


@pytest.mark.parametrize("line", ['database_url = "sqlite:////x\\u0000y"', "retention_days = " + "9" * 5_000])
def test_a_setting_that_nobody_can_use_is_a_sentence(tmp_path, line):
    config = tmp_path / "config.toml"
    config.write_text(line)
    with pytest.raises((BadFile, BadValue)):
        gather({"CUSTMERGE_CONFIG": str(config)})


def test_a_config_file_of_somebody_else_is_refused(tmp_path, somebody_elses):
    config = tmp_path / "config.toml"
    config.write_text('lang = "de"')
    somebody_elses(config)
    with pytest.raises(LooseFile) as error:
        gather({"CUSTMERGE_CONFIG": str(config)})
    assert "belongs to user 54321" in str(error.value)
