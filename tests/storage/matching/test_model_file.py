"""A trained model in a file."""

import json

import pytest

from custmerge.errors import BadFile
from custmerge.storage.matching.model_file import read_model, write_model
from custmerge.storage.matching.settings import prior_of, with_prior


@pytest.fixture
def saved(searched, tmp_path):
    _space, model, prior = searched
    path = tmp_path / "model.json"
    write_model(str(path), with_prior(model, prior))
    return path


def test_a_model_is_read_as_it_was_saved(searched, saved):
    _space, model, prior = searched
    restored = read_model(str(saved))
    assert numbers_of(restored) == numbers_of(with_prior(model, prior))


def numbers_of(model):
    levels = [level for comparison in model["comparisons"] for level in comparison["comparison_levels"][1:]]
    return prior_of(model), [(level["m_probability"], level["u_probability"]) for level in levels]


def test_a_saved_model_holds_no_personal_data_and_only_its_owner_can_read_it(saved, records):
    assert saved.stat().st_mode & 0o777 == 0o600
    assert not any(record.email in saved.read_text() for record in records if record.email)


def test_a_model_is_not_written_over_a_file(searched, saved):
    with pytest.raises(BadFile):
        write_model(str(saved), searched[1])


@pytest.mark.parametrize("content", ["", "{}", "[]", "no JSON", '{"comparisons": [{}]}', "[" * 500_000])
def test_what_is_no_model_is_refused(tmp_path, content):
    path = tmp_path / "model.json"
    path.write_text(content)
    with pytest.raises(BadFile):
        read_model(str(path))


def test_sql_that_somebody_wrote_into_a_model_is_not_executed(saved):
    model = json.loads(saved.read_text())
    model["comparisons"][0]["comparison_levels"][1]["sql_condition"] = "1 = (select 1 from read_text('/etc/passwd'))"
    saved.write_text(json.dumps(model))
    with pytest.raises(BadFile):
        read_model(str(saved))


@pytest.mark.parametrize("prior", ["1) --", 1, 0, -0.5, None])
def test_a_model_with_an_impossible_prior_is_refused(saved, prior):
    saved.write_text(json.dumps(with_prior(json.loads(saved.read_text()), prior)))
    with pytest.raises(BadFile):
        read_model(str(saved))


def test_nothing_but_its_probabilities_is_taken_from_a_model(saved):
    model = json.loads(saved.read_text())
    before = read_model(str(saved))
    saved.write_text(json.dumps(model | {"additional_columns_to_retain": ["x) --"], "unknown": 1}))
    assert read_model(str(saved)) == before


@pytest.mark.parametrize("name", ["m_probability", "u_probability"])
@pytest.mark.parametrize("number", [5e-324, 10**400, -1, float("nan")])
def test_a_probability_with_which_nothing_can_be_computed_is_refused(saved, name, number):
    model = json.loads(saved.read_text())
    model["comparisons"][0]["comparison_levels"][1][name] = number
    saved.write_text(json.dumps(model))
    with pytest.raises(BadFile):
        read_model(str(saved))


def test_a_model_that_compares_something_twice_is_refused(saved):
    model = json.loads(saved.read_text())
    model["comparisons"].append(model["comparisons"][0])
    saved.write_text(json.dumps(model))
    with pytest.raises(BadFile):
        read_model(str(saved))
