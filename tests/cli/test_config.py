"""`config show`: every setting, and what gave it its value."""


def test_every_setting_is_shown_with_what_gave_it_its_value_and_no_secret(sqlite_cli, tmp_path):
    (tmp_path / "c.toml").write_text('retention_days = 7\ntoken_store = "file"\nlang = "de"\n')
    given = {"CUSTMERGE_CONFIG": "c.toml", "CUSTMERGE_TOKEN_STORE": "keyring", "CUSTMERGE_TOKEN": "geheim"}
    url = "postgresql://u:geheim@127.0.0.1:1/db"
    done = sqlite_cli("--database", url, "--lang", "en", "config", "show", "-f", "json", **given)
    assert done.code == 0
    assert "geheim" not in done.out + done.err
    assert {one["setting"]: (one["value"], one["source"], one["name"]) for one in done.json} == {
        "config_file": ("c.toml", "environment", "CUSTMERGE_CONFIG"),
        "database_url": ("postgresql://u:***@127.0.0.1:1/db", "option", "--database"),
        "lang": ("en", "option", "--lang"),
        "token_store": ("keyring", "environment", "CUSTMERGE_TOKEN_STORE"),
        "retention_days": ("7", "file", "c.toml"),
        "plain": ("false", "default", ""),
        "token": ("***", "environment", "CUSTMERGE_TOKEN"),
    }


def test_without_settings_the_defaults_are_shown_and_where_the_language_is_from(sqlite_cli):
    bare = {"CUSTMERGE_DATABASE_URL": None}
    for environ, expected in (
        ({"LANG": "de_DE.UTF-8"}, ("de", "environment", "LANG")),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "fr:en"}, ("en", "environment", "LANGUAGE")),
        ({"LANG": "fr_FR.UTF-8"}, ("en", "default", "")),
        ({"LANG": "C", "LANGUAGE": "de"}, ("en", "default", "")),
    ):
        found = {one["setting"]: one for one in sqlite_cli("config", "show", "-f", "json", **bare, **environ).json}
        assert tuple(found["lang"].values())[1:] == expected
        assert found["database_url"]["value"].endswith("data/custmerge/custmerge.db")
        assert {found[name]["source"] for name in ("database_url", "token_store", "retention_days")} == {"default"}
    assert "Umgebung LANG" in sqlite_cli("config", "show", LANG="de_DE.UTF-8").out
