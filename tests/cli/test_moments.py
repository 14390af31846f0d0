"""Moments and numbers as people write them, and characters that say what they are."""

import re

import pytest
from support.marks import on_sqlite_alone

from custmerge.rules.history import day_bounds

BERLIN = {"TZ": "Europe/Berlin"}
UTC = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@on_sqlite_alone
@pytest.mark.parametrize(
    ("language", "written"),
    [("en", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d CES?T"), ("de", r"\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d MES?Z")],
)
def test_people_read_moments_of_their_own_zone_and_scripts_read_utc(merged, supervisor, language, written):
    environment = {"CUSTMERGE_LANG": language, **BERLIN}
    shown = supervisor("history", **environment).out
    assert re.search(written, shown)
    assert "UTC" not in shown
    assert re.search(written, supervisor("whoami", **environment).out)
    for form in ("json", "csv"):
        out = supervisor("history", "-f", form, **environment).out
        assert re.search(UTC, out)
        assert not re.search(written, out)


@on_sqlite_alone
def test_a_zone_without_a_name_is_told_by_its_distance_from_utc(merged, agent):
    assert re.search(r"\d\d:\d\d UTC\+05(45)?\b", agent.subprocess("history", TZ="Asia/Kathmandu").out)
    assert re.search(r"\d\d:\d\d UTC\n", agent.subprocess("whoami", TZ="UTC").out)


@on_sqlite_alone
def test_the_moment_in_an_error_is_a_persons_own_and_in_json_utc(world, cli):
    world.customer("10001", password="pw-1")
    for _ in range(5):
        cli.in_process("login", "10001", "--password-stdin", "--print-token", stdin="falsch")
    refused = ("login", "10001", "--password-stdin", "--print-token")
    assert re.search(r"until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d CE", cli(*refused, stdin="x", **BERLIN).err)
    assert re.search(rf"until {UTC}", cli(*refused, "-f", "json", stdin="x", **BERLIN).err) is None
    error = cli("verify", "1", "--domain", "x.example", "-f", "json", CUSTMERGE_TOKEN="x", **BERLIN).err
    assert "CET" not in error


@on_sqlite_alone
def test_germans_read_a_decimal_comma_and_scripts_a_point(supervisor):
    german = {"CUSTMERGE_LANG": "de"}
    assert re.search(r", \d+,\d s\n", supervisor("audit", **german).out)
    assert re.search(r'"seconds": \d+\.\d', supervisor("audit", "-f", "json", **german).out)


@on_sqlite_alone
@pytest.mark.parametrize(
    "arguments", [("show", "10001"), ("find", "10001"), ("diff", "20002", "--into", "10001", "--all")]
)
def test_characters_that_nobody_can_tell_say_what_they_are(world, agent, arguments):
    for number in ("10001", "20002"):
        world.customer(number, last_name="Vogels\u0430ng", company="Sonnen\u200btau", domains=[f"{number}.example"])
    out = " ".join(agent(*arguments, COLUMNS="120").out.split())
    for shown in ("Vogels\\u0430ng", "(Cyrillic а)", "Sonnen\\u200btau", "(invisible character U+200B)"):
        assert shown in out


@on_sqlite_alone
def test_bank_codes_are_shown_whole(world, agent):
    world.customer("10001", domains=["eins.example"], contact={"bank_code": "66050101"})
    world.customer("20002", bank_code="KARSDE66XXX")
    assert {"37040044", "66050101"} <= set(re.findall(r"\d{8}", agent("show", "10001").out))
    assert "KARSDE66XXX" in agent("diff", "20002", "--into", "10001").out


@pytest.mark.parametrize(
    ("written", "iso"),
    [("28.11.2026", "2026-11-28"), ("1.2.2026", "2026-02-01"), ("28.11.2026 03:33", "2026-11-28T03:33")],
)
def test_a_date_is_taken_as_germans_write_it(written, iso):
    assert day_bounds(written) == day_bounds(iso)
    for wrong in ("31.2.2026", "28.11.26", "28.11.2026.", "2026.11.28"):
        with pytest.raises(ValueError, match=r".+"):
            day_bounds(wrong)


@on_sqlite_alone
def test_moments_among_the_facts_of_the_history_are_a_persons_too(world, supervisor):
    assert supervisor.in_process("token", "create", "nightly", "--role", "auditor").code == 0
    out = supervisor("history", "--action", "token", COLUMNS="160", **BERLIN).out
    assert re.search(r"until: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d CES?T; name: nightly", out)
    assert not re.search(UTC, out)
